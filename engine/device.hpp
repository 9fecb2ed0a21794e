#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace jetcal {

/// Where numbers live and kernels run.
struct Device {
  enum class Kind { cpu, cuda };
  Kind kind = Kind::cpu;
  int index = 0;

  /// "cpu" or "cuda:N". Errors: ConfigError for anything else.
  static Device parse(std::string_view word);
  std::string name() const;
  bool operator==(Device const&) const = default;
};

class DeviceMemory;

/// Floats on a device, 64-byte aligned, zero at first. Moves, does not copy.
///
/// Errors    DeviceError if the device is not there, this program cannot use it, or its memory is
///           used up (says how much was asked for)
class Buffer {
 public:
  Buffer() = default;
  Buffer(Device device, std::int64_t floats);
  Buffer(DeviceMemory& memory, std::int64_t floats);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  float* data() { return data_; }
  float const* data() const { return data_; }
  std::int64_t size() const { return size_; }
  Device device() const;

  void fill_zero();
  /// Both of one size (ShapeError) and on one device (DeviceError).
  void copy_from(Buffer const& other);
  /// To and from host memory; sizes must be equal (ShapeError).
  void upload(std::vector<float> const& host);
  std::vector<float> download() const;

 private:
  DeviceMemory* memory_ = nullptr;
  float* data_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace jetcal
