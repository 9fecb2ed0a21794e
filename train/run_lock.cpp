#include "train/run_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include "engine/errors.hpp"

namespace jetcal::train {
namespace {

std::string system_text(int error) {
  return std::error_code(error, std::generic_category()).message();
}

// "process 4711 on farm12", as the holder wrote it.
std::string holder(int fd) {
  std::array<char, 256> text{};
  ssize_t const n = ::pread(fd, text.data(), text.size() - 1, 0);
  std::string out(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  while (!out.empty() && out.back() == '\n') { out.pop_back(); }
  return out.empty() ? "another process" : out;
}

std::string this_process() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) { host = {'?'}; }
  return "process " + std::to_string(::getpid()) + " on " + host.data() + "\n";
}

}  // namespace

RunLock::RunLock(std::filesystem::path const& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  JETCAL_REQUIRE(!error, DataError,
                 folder.string() << ": cannot be created: " << error.message()
                                 << ". Choose another folder with --out");
  std::string const path = (folder / ".lock").string();
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  JETCAL_REQUIRE(fd_ >= 0, DataError,
                 folder.string() << ": cannot be written to: " << system_text(errno)
                                 << ". Choose another folder with --out");
  int const result = ::flock(fd_, LOCK_EX | LOCK_NB);
  int const why = errno;
  if (result != 0 && why == EWOULDBLOCK) {
    std::string const who = holder(fd_);
    ::close(fd_);
    throw DataError(folder.string() + ": " + who +
                    " is training here (one run a folder). Wait for it, stop it, or choose "
                    "another folder with --out");
  }
  held_ = result == 0;
  if (held_) {
    std::string const text = this_process();
    // The text only names the holder to others: that it cannot be written is no reason to stop.
    if (::ftruncate(fd_, 0) == 0) {
      [[maybe_unused]] ssize_t const n = ::pwrite(fd_, text.data(), text.size(), 0);
    }
  }
}

RunLock::~RunLock() {
  // The file stays: removing it would let two processes hold locks on two files of one name.
  ::close(fd_);
}

}  // namespace jetcal::train
