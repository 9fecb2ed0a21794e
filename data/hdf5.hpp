#pragma once

#include <hdf5.h>

#include <string>
#include <utility>

#include "engine/hdf5_io.hpp"

namespace jetcal::data {

/// While one of these lives, this thread alone is in the HDF5 library, which prints nothing.
using Hdf5Scope = hdf5::Quiet;

/// An HDF5 identifier that is closed when this goes. It may hold none: large shards are read
/// through the library's plain functions, and their callers say what went wrong.
class Hid {
 public:
  using Close = herr_t (*)(hid_t);

  Hid() = default;
  Hid(hid_t id, Close closing) : id_(id), close_(closing) {}
  Hid(Hid&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hid& operator=(Hid&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Hid() { close(); }

  /// Closes it now. False if the library says that this failed.
  bool close() {
    if (id_ < 0) { return true; }
    Hdf5Scope const scope;
    return close_(std::exchange(id_, -1)) >= 0;
  }

  explicit operator bool() const { return id_ >= 0; }
  operator hid_t() const { return id_; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// What the library says about its last failure: the descriptions of its error stack from the first
/// cause on, in one line. Ask while the Hdf5Scope of the failed call lives.
std::string hdf5_reason();

}  // namespace jetcal::data
