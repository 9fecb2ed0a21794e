#pragma once

#include <cuda_runtime_api.h>

#include "engine/device_memory.hpp"

namespace jetcal::cuda {

/// How many devices there are. Errors: DeviceError if there is no driver or no card.
int device_count();

/// One CUDA device: its memory and its stream. Everything of this library that runs on the device
/// runs on that stream, so one thing follows the other.
class Context final : public DeviceMemory {
 public:
  /// The context of device `index`, made on first use and kept. Errors: DeviceError if there is no
  /// such device.
  static Context& of(int index);

  explicit Context(int index);
  ~Context() override;
  Context(Context const&) = delete;
  Context& operator=(Context const&) = delete;

  cudaStream_t stream() const { return stream_; }

  /// Calls of this thread go to this device from now on.
  void make_current() const;

  /// Waits for everything enqueued. Errors: DeviceError if any of it failed.
  void synchronize() const;

  /// Bytes that are free.
  std::int64_t free_bytes() const;

  Device device() const override { return {Device::Kind::cuda, index_}; }
  float* allocate(std::int64_t floats) override;
  void release(float* data) noexcept override;
  void fill_zero(float* data, std::int64_t floats) override;
  void copy(float const* from, float* to, std::int64_t floats) override;
  void upload(float const* host, float* to, std::int64_t floats) override;
  void download(float const* from, float* host, std::int64_t floats) override;

  /// As upload and download, of any numbers, without waiting: the host's memory must live, and must
  /// not be touched, until synchronize().
  void start_upload(void const* host, void* to, std::size_t bytes) const;
  void start_download(void const* from, void* host, std::size_t bytes) const;

 private:
  int index_;
  cudaStream_t stream_ = nullptr;
};

}  // namespace jetcal::cuda
