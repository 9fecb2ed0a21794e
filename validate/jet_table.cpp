#include "validate/jet_table.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "engine/errors.hpp"

namespace jetcal::validate {
namespace {

/// A file without a name in `folder`.
int nameless_file(std::filesystem::path const& folder) {
  std::string path = (folder / "jetcal-columns-XXXXXX").string();
  int const file = ::mkstemp(path.data());
  JETCAL_REQUIRE(file >= 0, DataError,
                 folder.string() << ": no file for the jets beyond the memory budget can be made ("
                                 << std::strerror(errno) << "). Raise --memory-mib");
  ::unlink(path.c_str());
  return file;
}

}  // namespace

ColumnStore::ColumnStore(std::int64_t memory_bytes, std::filesystem::path folder)
    : budget_(memory_bytes), folder_(std::move(folder)) {}

ColumnStore::~ColumnStore() {
  if (file_ >= 0) { ::close(file_); }
}

ColumnStore::Piece ColumnStore::keep(std::vector<float> values) {
  auto const bytes = static_cast<std::int64_t>(values.size() * sizeof(float));
  if (in_memory_ + bytes <= budget_) {
    in_memory_ += bytes;
    return {std::move(values), -1};
  }
  if (file_ < 0) { file_ = nameless_file(folder_); }
  Piece piece{{}, in_file_};
  auto const* at = reinterpret_cast<char const*>(values.data());
  for (std::int64_t left = bytes; left > 0;) {
    ssize_t const done = ::pwrite(file_, at, static_cast<std::size_t>(left), in_file_);
    if (done < 0 && errno == EINTR) { continue; }
    JETCAL_REQUIRE(done > 0, DataError,
                   folder_.string()
                       << ": the jets beyond the memory budget cannot be written ("
                       << std::strerror(errno) << "). Raise --memory-mib or free space there");
    at += done;
    left -= done;
    in_file_ += done;
  }
  return piece;
}

void ColumnStore::read(Piece const& piece, std::span<float> out) const {
  if (piece.position < 0) {
    std::copy_n(piece.values.begin(), out.size(), out.begin());
    return;
  }
  auto* at = reinterpret_cast<char*>(out.data());
  auto position = piece.position;
  for (std::size_t left = out.size_bytes(); left > 0;) {
    ssize_t const done = ::pread(file_, at, left, position);
    if (done < 0 && errno == EINTR) { continue; }
    JETCAL_REQUIRE(done > 0, DataError,
                   folder_.string() << ": the jets beyond the memory budget cannot be read back ("
                                    << (done < 0 ? std::strerror(errno) : "the file is short")
                                    << "). Raise --memory-mib");
    at += done;
    left -= static_cast<std::size_t>(done);
    position += done;
  }
}

JetTable::JetTable(ColumnStore& store, std::size_t columns)
    : store_(store), open_(columns), pieces_(columns) {}

void JetTable::append(std::vector<std::span<float const>> const& columns) {
  JETCAL_REQUIRE(columns.size() == open_.size(), ShapeError,
                 "jet table: " << columns.size() << " columns (must be " << open_.size() << ")");
  for (auto const& column : columns) {
    JETCAL_REQUIRE(column.size() == columns.front().size(), ShapeError,
                   "jet table: columns of " << columns.front().size() << " and " << column.size()
                                            << " jets (must be equal)");
  }
  for (std::size_t c = 0; c < columns.size(); ++c) {
    for (auto rest = columns[c]; !rest.empty();) {
      std::size_t const taken = std::min(rest.size(), kPieceRows - open_[c].size());
      open_[c].insert(open_[c].end(), rest.begin(),
                      rest.begin() + static_cast<std::ptrdiff_t>(taken));
      rest = rest.subspan(taken);
      if (open_[c].size() == kPieceRows) {
        pieces_[c].push_back(store_.keep(std::exchange(open_[c], {})));
      }
    }
  }
  if (!columns.empty()) { jets_ += static_cast<std::int64_t>(columns.front().size()); }
}

std::vector<float> JetTable::column(std::size_t c) const {
  std::vector<float> out(static_cast<std::size_t>(jets_));
  std::size_t at = 0;
  for (auto const& piece : pieces_[c]) {
    store_.read(piece, std::span(out).subspan(at, kPieceRows));
    at += kPieceRows;
  }
  std::copy(open_[c].begin(), open_[c].end(), out.begin() + static_cast<std::ptrdiff_t>(at));
  return out;
}

}  // namespace jetcal::validate
