#include "engine/sealed_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace jetcal {
namespace {

// The bytes above 127 and the two line ends show a transfer in text mode, as in PNG's signature.
constexpr std::string_view kMagic = "\x8bjetcal\r\nsealed\n";
constexpr std::string_view kVersion = "1";
constexpr std::size_t kDigestDigits = 32;
constexpr std::string_view kTemporary = ".jetcal-writing";

std::string render(std::string_view version, std::string_view kind, std::string_view length,
                   std::string_view digest) {
  std::string block(kMagic);
  block.append("format ").append(version).append("\nkind ").append(kind);
  block.append("\npayload ").append(length).append("\nxxh3-128 ").append(digest).append("\n");
  block.resize(kSealBytes, '\n');
  return block;
}

std::string digest_of(std::string const& block, std::span<std::byte const> payload) {
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> const state(XXH3_createState(),
                                                                              XXH3_freeState);
  JETCAL_REQUIRE(state != nullptr, Error, "seal: no memory for the digest");
  XXH3_128bits_reset(state.get());
  XXH3_128bits_update(state.get(), block.data(), block.size());
  XXH3_128bits_update(state.get(), payload.data(), payload.size());
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state.get()));
  std::string digits;
  for (unsigned char const byte : canonical.digest) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789abcdef"[byte & 15];
  }
  return digits;
}

bool is_kind(std::string_view kind) {
  return !kind.empty() && kind.size() <= 32 && std::all_of(kind.begin(), kind.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || c == '-';
  });
}

// Takes "name VALUE\n" off the front of `rest`; an empty view if it does not start so.
std::string_view take_line(std::string_view& rest, std::string_view name) {
  if (rest.substr(0, name.size()) != name || rest.substr(name.size(), 1) != " ") { return {}; }
  auto const end = rest.find('\n');
  if (end == std::string_view::npos) { return {}; }
  auto const value = rest.substr(name.size() + 1, end - name.size() - 1);
  rest.remove_prefix(end + 1);
  return value;
}

struct Block {
  std::string kind;
  std::uint64_t length = 0;
  std::string digest;
};

// Reads the block leniently: unseal() renders it again and accepts only the very same bytes.
Block parse_block(std::string const& block, std::string const& where) {
  std::string_view rest(block);
  JETCAL_REQUIRE(rest.substr(0, kMagic.size()) == kMagic, DataError,
                 where << ": is not a file written by jetcal, or its first bytes are damaged. Use "
                          "an older or another copy");
  rest.remove_prefix(kMagic.size());
  std::string const version(take_line(rest, "format"));
  Block out;
  out.kind = take_line(rest, "kind");
  std::string const length(take_line(rest, "payload"));
  out.digest = take_line(rest, "xxh3-128");
  auto const number = std::from_chars(length.data(), length.data() + length.size(), out.length);
  bool const sound = number.ec == std::errc() && is_kind(out.kind);
  JETCAL_REQUIRE(sound, DataError,
                 where << ": the block in front of the file is damaged. Use an older or another "
                          "copy");
  JETCAL_REQUIRE(version == kVersion, DataError,
                 where << ": has format " << version << " (this jetcal reads format " << kVersion
                       << "), or its block is damaged. Use the jetcal that wrote it");
  return out;
}

std::string system_text(int error) {
  return std::error_code(error, std::generic_category()).message();
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  ~Descriptor() { close(); }

  int get() const { return fd_; }

  // 0 or errno.
  int close() {
    if (fd_ < 0) { return 0; }
    int const result = ::close(fd_);
    fd_ = -1;
    return result == 0 ? 0 : errno;
  }

 private:
  int fd_;
};

// 0 or errno. A write cut short is continued; the rest then tells why it was.
int write_all(int fd, std::span<std::byte const> bytes) {
  while (!bytes.empty()) {
    ssize_t const n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) { continue; }
    if (n <= 0) { return n < 0 ? errno : EIO; }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return 0;
}

int write_and_sync(std::string const& temporary,
                   std::vector<std::span<std::byte const>> const& parts) {
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) { return errno; }
  for (auto const& part : parts) {
    if (int const error = write_all(file.get(), part)) { return error; }
  }
  if (::fsync(file.get()) != 0) { return errno; }
  return file.close();
}

// The new name is on the disk only after this. Some network file systems cannot synchronise a
// folder and say EINVAL; they do it by themselves.
int sync_folder(std::string const& folder) {
  Descriptor const file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() < 0) { return errno; }
  return ::fsync(file.get()) == 0 || errno == EINVAL ? 0 : errno;
}

std::span<std::byte const> bytes_of(std::string const& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

std::string seal_block(std::string const& kind, std::span<std::byte const> payload) {
  JETCAL_REQUIRE(is_kind(kind), Error,
                 "seal: kind is '" << kind << "' (must be 1 to 32 lower-case letters and dashes)");
  std::string const length = std::to_string(payload.size());
  std::string const zeros(kDigestDigits, '0');
  return render(kVersion, kind, length, digest_of(render(kVersion, kind, length, zeros), payload));
}

SealedContent unseal(std::span<std::byte const> file, std::string const& where) {
  JETCAL_REQUIRE(!file.empty(), DataError, where << ": is empty. Use an older or another copy");
  std::size_t const block_bytes = std::min(kSealBytes, file.size());
  std::string const block(reinterpret_cast<char const*>(file.data()), block_bytes);
  JETCAL_REQUIRE(file.size() >= kSealBytes || block.substr(0, kMagic.size()) != kMagic, DataError,
                 where << ": is truncated: " << file.size() << " bytes (the block in front alone "
                       << "has " << kSealBytes << "). Use an older or another copy");
  Block const parsed = parse_block(block, where);
  auto const payload = file.subspan(kSealBytes);
  JETCAL_REQUIRE(payload.size() >= parsed.length, DataError,
                 where << ": is truncated: " << file.size() << " bytes (must be "
                       << kSealBytes + parsed.length << "). Use an older or another copy");
  JETCAL_REQUIRE(payload.size() == parsed.length, DataError,
                 where << ": has bytes added at its end: " << file.size() << " bytes (must be "
                       << kSealBytes + parsed.length << "). Use an older or another copy");
  JETCAL_REQUIRE(block == seal_block(parsed.kind, payload), DataError,
                 where << ": is damaged: its digest is not the one it was written with. Use an "
                          "older or another copy");
  return {parsed.kind, {payload.begin(), payload.end()}};
}

std::vector<std::byte> read_bytes(std::filesystem::path const& path) {
  Descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  JETCAL_REQUIRE(file.get() >= 0, DataError,
                 path.string() << ": cannot be opened: " << system_text(errno));
  struct stat status {};
  JETCAL_REQUIRE(::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode), DataError,
                 path.string() << ": is not a regular file (must be one)");
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    ssize_t const n = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) { continue; }
    JETCAL_REQUIRE(
        n > 0, DataError,
        path.string() << ": reading stopped after " << done << " of " << bytes.size()
                      << " bytes: " << (n < 0 ? system_text(errno) : "the file became shorter"));
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

std::vector<std::byte> read_sealed(std::filesystem::path const& path, std::string const& kind) {
  SealedContent content = unseal(read_bytes(path), path.string());
  JETCAL_REQUIRE(content.kind == kind, DataError,
                 path.string() << ": is a " << content.kind << " (must be a " << kind << ")");
  return std::move(content.payload);
}

std::string sealed_kind(std::filesystem::path const& path) {
  return unseal(read_bytes(path), path.string()).kind;
}

bool looks_sealed(std::filesystem::path const& path) {
  Descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, kMagic.size()> start{};
  return file.get() >= 0 &&
         ::read(file.get(), start.data(), start.size()) == static_cast<ssize_t>(start.size()) &&
         std::string_view(start.data(), start.size()) == kMagic;
}

void write_sealed(std::filesystem::path const& path, std::string const& kind,
                  std::span<std::byte const> payload) {
  std::string const block = seal_block(kind, payload);
  write_atomically(path, {bytes_of(block), payload});
}

void write_atomically(std::filesystem::path const& path,
                      std::vector<std::span<std::byte const>> const& parts) {
  static std::atomic<unsigned> counter{0};
  std::filesystem::path const folder = path.has_parent_path() ? path.parent_path() : ".";
  std::string name = ".";
  name += path.filename().string();
  name += kTemporary;
  name += '-' + std::to_string(::getpid()) + '-' + std::to_string(counter++);
  std::string const temporary = (folder / name).string();
  std::size_t bytes = 0;
  for (auto const& part : parts) { bytes += part.size(); }
  std::string step = "writing";
  int error = write_and_sync(temporary, parts);
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) {
    step = "renaming";
    error = errno;
  }
  if (error != 0) {
    ::unlink(temporary.c_str());
    throw DataError(path.string() + ": " + step + " " + std::to_string(bytes) + " bytes failed: " +
                    system_text(error) + " (an older file of this name is untouched)" +
                    (error == ENOSPC || error == EDQUOT ? ". Free some space there" : ""));
  }
  error = sync_folder(folder.string());
  JETCAL_REQUIRE(error == 0, DataError,
                 path.string() << ": was written, but its folder cannot be synchronised with the "
                                  "disk: "
                               << system_text(error));
}

void write_atomically(std::filesystem::path const& path, std::string const& text) {
  write_atomically(path, std::vector{bytes_of(text)});
}

void remove_temporaries(std::filesystem::path const& folder) {
  std::error_code error;
  for (auto const& entry : std::filesystem::directory_iterator(folder, error)) {
    std::string const name = entry.path().filename().string();
    if (name.front() == '.' && name.find(kTemporary) != std::string::npos) {
      std::filesystem::remove(entry.path(), error);
    }
  }
}

}  // namespace jetcal
