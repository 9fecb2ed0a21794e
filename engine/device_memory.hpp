#pragma once

#include <cstdint>

#include "engine/device.hpp"

namespace jetcal {

/// The memory of one device. Calls are in order with everything else that runs on the device;
/// upload and download are done when they return.
///
/// Errors    DeviceError
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  virtual Device device() const = 0;

  /// `floats` > 0 zeros, 64-byte aligned. Errors: DeviceError that says how much was asked for.
  virtual float* allocate(std::int64_t floats) = 0;
  virtual void release(float* data) noexcept = 0;

  virtual void fill_zero(float* data, std::int64_t floats) = 0;
  virtual void copy(float const* from, float* to, std::int64_t floats) = 0;
  virtual void upload(float const* host, float* to, std::int64_t floats) = 0;
  virtual void download(float const* from, float* host, std::int64_t floats) = 0;
};

/// Errors: DeviceError if the device is not there or this program cannot use it.
DeviceMemory& device_memory(Device device);

}  // namespace jetcal
