#include "data/table_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "data/parallel.hpp"
#include "data/units.hpp"

namespace jetcal::data {
namespace {

/// Makes a file's content, or a folder's entries, durable. False with errno.
bool sync_path(std::string const& path) {
  int const descriptor = open(path.c_str(), O_RDONLY);
  if (descriptor < 0) { return false; }
  int const status = fsync(descriptor);
  int const error = errno;
  close(descriptor);
  errno = error;
  return status == 0;
}

std::string folder_of(std::string const& path) {
  auto const folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

/// The library cannot close a file whose last bytes find no place: it keeps it open, and crashes
/// when the program ends. So what it still wants to write goes nowhere.
void write_to_nowhere(hid_t file) {
  void* descriptor = nullptr;
  if (H5Fget_vfd_handle(file, H5P_DEFAULT, &descriptor) < 0 || !descriptor) { return; }
  int const nowhere = open("/dev/null", O_RDWR);
  if (nowhere < 0) { return; }
  dup2(nowhere, *static_cast<int*>(descriptor));
  close(nowhere);
}

void insert_member(hid_t compound, std::string const& name, std::size_t offset, hid_t type) {
  JETCAL_REQUIRE(H5Tinsert(compound, name.c_str(), offset, type) >= 0, DataError,
                 "TableWriter: field '" << name << "' cannot be made (" << hdf5_reason() << ")");
}

void require_new_names(std::vector<NewField> const& fields, std::set<std::string> taken) {
  for (NewField const& field : fields) {
    JETCAL_REQUIRE(!field.name.empty() && taken.insert(field.name).second, DataError,
                   "TableWriter: field '" << field.name
                                          << "' is there twice (names must differ). Rename or "
                                             "leave out the one in the input");
  }
}

}  // namespace

TableWriter::TableWriter(std::string path, std::vector<NewField> fields, TablePacking packing)
    : path_(std::move(path)), packing_(packing) {
  JETCAL_REQUIRE(!fields.empty(), DataError,
                 path_ << ": no fields to write (must be at least one)");
  require_new_names(fields, {});
  std::vector<std::pair<std::string, std::string>> units;
  for (NewField const& field : fields) {
    fields_.push_back({field.name, field.type, row_bytes_});
    row_bytes_ += field.type.bytes;
    units.emplace_back(field.name, field.unit);
  }
  Hdf5Scope const scope;
  Hid const type(H5Tcreate(H5T_COMPOUND, row_bytes_), H5Tclose);
  for (Field const& field : fields_) {
    insert_member(type, field.name, field.offset, hdf5_type(field.type));
  }
  create(type, units_text(units));
}

TableWriter::TableWriter(std::string path, Shard const& form, std::vector<NewField> added,
                         TablePacking packing)
    : path_(std::move(path)), fields_(form.fields), row_bytes_(form.row_bytes), packing_(packing) {
  std::set<std::string> taken;
  std::vector<std::pair<std::string, std::string>> units;
  for (Field const& field : form.fields) {
    taken.insert(field.name);
    auto const unit = form.units.find(field.name);
    units.emplace_back(field.name, unit == form.units.end() ? "" : unit->second);
  }
  require_new_names(added, taken);
  for (NewField const& field : added) {
    fields_.push_back({field.name, field.type, row_bytes_});
    row_bytes_ += field.type.bytes;
    units.emplace_back(field.name, field.unit);
  }

  Hdf5Scope const scope;
  OpenShard const source = open_shard(form.path);
  Hid const type(H5Tcreate(H5T_COMPOUND, row_bytes_), H5Tclose);
  std::size_t const kept = form.fields.size();
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    Field const& field = fields_[i];
    Hid const member =
        i < kept ? Hid(H5Tget_member_type(source.type, static_cast<unsigned>(i)), H5Tclose)
                 : hdf5_type(field.type);
    insert_member(type, field.name, field.offset, member);
  }
  create(type, units_text(units));
}

TableWriter::~TableWriter() { abandon(); }

void TableWriter::create(hid_t type, std::string const& units) {
  JETCAL_REQUIRE(
      packing_ != TablePacking::lz4 || H5Zfilter_avail(kLz4Filter) > 0, DataError,
      path_ << ": cannot be packed with LZ4, which this HDF5 library does not have. Install "
               "the Debian package hdf5-filter-plugin, or use gzip");
  temporary_ = path_ + ".part-" + std::to_string(getpid());
  errno = 0;
  file_ = Hid(H5Fcreate(temporary_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  JETCAL_REQUIRE(file_, DataError, path_ << ": cannot be made (" << hdf5_reason() << ")");

  hsize_t const none = 0, unlimited = H5S_UNLIMITED, chunk = kChunkRows;
  Hid const space(H5Screate_simple(1, &none, &unlimited), H5Sclose);
  Hid const properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_chunk(properties, 1, &chunk);
  if (packing_ != TablePacking::none) { H5Pset_shuffle(properties); }
  if (packing_ == TablePacking::gzip) { H5Pset_deflate(properties, kDeflateLevel); }
  if (packing_ == TablePacking::lz4) { H5Pset_filter(properties, kLz4Filter, 0, 0, nullptr); }
  H5Pset_obj_track_times(properties, false);  // the same jets give the same bytes
  type_ = Hid(H5Tcopy(type), H5Tclose);
  jets_ =
      Hid(H5Dcreate2(file_, "jets", type_, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose);

  Hid const text(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(text, units.size());
  H5Tset_cset(text, H5T_CSET_UTF8);
  H5Tset_strpad(text, H5T_STR_NULLPAD);
  Hid const scalar(H5Screate(H5S_SCALAR), H5Sclose);
  Hid const attribute(
      jets_ ? H5Acreate2(jets_, "units", text, scalar, H5P_DEFAULT, H5P_DEFAULT) : -1, H5Aclose);
  if (!attribute || H5Awrite(attribute, text, units.data()) < 0) { fail(hdf5_reason()); }
}

void TableWriter::append(std::uint8_t const* rows, std::int64_t n) {
  std::size_t const full = chunk_bytes() * static_cast<std::size_t>(threads_);
  std::uint8_t const* const end = rows + static_cast<std::size_t>(n) * row_bytes_;
  while (rows != end) {
    std::size_t const part = std::min(full - buffer_.size(), static_cast<std::size_t>(end - rows));
    buffer_.insert(buffer_.end(), rows, rows + part);
    rows += part;
    if (buffer_.size() == full) { write_buffer(); }
  }
}

void TableWriter::write_buffer() {
  auto const count = static_cast<std::int64_t>(buffer_.size() / row_bytes_);
  if (packing_ == TablePacking::gzip) {
    std::size_t const chunks = (buffer_.size() + chunk_bytes() - 1) / chunk_bytes();
    buffer_.resize(chunks * chunk_bytes());  // the last chunk may be one with rows of zeros
    packed_.resize(chunks);
    for_each_parallel(static_cast<std::int64_t>(chunks), threads_, [&](std::int64_t i, int) {
      auto const c = static_cast<std::size_t>(i);
      pack_chunk(std::span(buffer_).subspan(c * chunk_bytes(), chunk_bytes()), row_bytes_,
                 packed_[c]);
    });
  }
  Hdf5Scope const scope;
  JETCAL_REQUIRE(file_, Error, path_ << ": the writer is closed or has failed (make a new one)");
  hsize_t const rows = static_cast<hsize_t>(written_ + count);
  if (H5Dset_extent(jets_, &rows) < 0) { fail(hdf5_reason()); }
  std::string const reason =
      packing_ == TablePacking::gzip ? write_packed() : write_by_library(count);
  if (!reason.empty()) { fail(reason); }
  written_ += count;
  buffer_.clear();
}

/// What the library says if it fails, else nothing. Everything before is in whole chunks.
std::string TableWriter::write_packed() {
  auto at = static_cast<hsize_t>(written_);
  for (PackedChunk const& chunk : packed_) {
    auto const write = [&] {
      return H5Dwrite_chunk(jets_, H5P_DEFAULT, 0, &at, chunk.bytes.size(), chunk.bytes.data());
    };
    if (write() < 0) {
      std::string reason = hdf5_reason();
      write_to_nowhere(file_);  // and there to the end of what the library has set aside for it
      write();
      return reason;
    }
    at += kChunkRows;
  }
  return "";
}

std::string TableWriter::write_by_library(std::int64_t rows) {
  auto const start = static_cast<hsize_t>(written_);
  auto const count = static_cast<hsize_t>(rows);
  Hid const memory(H5Screate_simple(1, &count, nullptr), H5Sclose);
  Hid const target(H5Dget_space(jets_), H5Sclose);
  H5Sselect_hyperslab(target, H5S_SELECT_SET, &start, nullptr, &count, nullptr);
  bool const good = H5Dwrite(jets_, type_, memory, target, H5P_DEFAULT, buffer_.data()) >= 0;
  return good ? "" : hdf5_reason();  // now: closing the spaces makes the library forget
}

void TableWriter::close() {
  if (!buffer_.empty()) { write_buffer(); }
  {
    Hdf5Scope const scope;
    JETCAL_REQUIRE(file_, Error, path_ << ": the writer is closed or has failed (make a new one)");
    if (H5Fflush(file_, H5F_SCOPE_GLOBAL) < 0) { fail(hdf5_reason()); }
    bool const closed = jets_.close() && type_.close() && file_.close();
    if (!closed) { fail(hdf5_reason()); }
  }
  if (!sync_path(temporary_) || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail(std::strerror(errno));
  }
  temporary_.clear();
  sync_path(folder_of(path_));  // the rows are safe; some file systems refuse this for folders
}

void TableWriter::abandon() {
  if (temporary_.empty()) { return; }
  {
    Hdf5Scope const scope;
    if (file_) { write_to_nowhere(file_); }
    jets_.close();
    type_.close();
    file_.close();
  }
  std::remove(temporary_.c_str());
  temporary_.clear();
}

void TableWriter::fail(std::string const& what) {
  abandon();
  throw DataError(path_ + ": cannot be written (" + what + "). Nothing was left under this name" +
                  " that was not there before");
}

void write_jets(std::string const& path, std::vector<Column> const& columns) {
  std::vector<NewField> fields;
  std::size_t rows = 0;
  for (Column const& column : columns) {
    FieldType const types[] = {kFloat32, kFloat64, kInt32, kInt64};
    std::size_t const size = std::visit([](auto const& v) { return v.size(); }, column.values);
    if (fields.empty()) { rows = size; }
    JETCAL_REQUIRE(size == rows, ShapeError,
                   path << ": column '" << column.name << "' has " << size << " rows, '"
                        << columns.front().name << "' has " << rows << " (must be equal)");
    fields.push_back({column.name, column.unit, types[column.values.index()]});
  }
  TableWriter writer(path, fields);
  std::vector<std::uint8_t> buffer(writer.row_bytes() * TableWriter::kChunkRows);
  for (std::size_t first = 0; first < rows; first += TableWriter::kChunkRows) {
    std::size_t const n = std::min<std::size_t>(TableWriter::kChunkRows, rows - first);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      std::uint8_t* const at = buffer.data() + writer.fields()[c].offset;
      std::visit(
          [&](auto const& values) {
            for (std::size_t r = 0; r < n; ++r) {
              std::memcpy(at + r * writer.row_bytes(), &values[first + r], sizeof values[0]);
            }
          },
          columns[c].values);
    }
    writer.append(buffer.data(), static_cast<std::int64_t>(n));
  }
  writer.close();
}

}  // namespace jetcal::data
