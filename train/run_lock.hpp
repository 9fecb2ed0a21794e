#pragma once

#include <filesystem>

namespace jetcal::train {

/// One run a folder: held while a run writes there. The system gives the lock back when the process
/// ends, however it ends: a killed run blocks nobody.
class RunLock {
 public:
  /// Creates the folder if need be and takes its lock.
  ///
  /// Errors    DataError if another process (or another lock of this one) holds it, which it names,
  ///           or the folder cannot be written
  explicit RunLock(std::filesystem::path const& folder);
  RunLock(RunLock const&) = delete;
  RunLock& operator=(RunLock const&) = delete;
  ~RunLock();

  /// false on a file system without locks: then nothing keeps a second run out.
  bool held() const { return held_; }

 private:
  int fd_ = -1;
  bool held_ = false;
};

}  // namespace jetcal::train
