#pragma once

#include <mutex>

namespace jetcal {

/// Held around every call into the HDF5 library, by everything that reads or writes with it: the
/// library is not thread-safe as it is usually built, and where it is, it has one lock for all.
inline std::recursive_mutex& hdf5_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

}  // namespace jetcal
