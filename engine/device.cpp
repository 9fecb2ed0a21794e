#include "engine/device.hpp"

#include <sys/mman.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engine/cuda_library.hpp"
#include "engine/device_memory.hpp"
#include "engine/errors.hpp"

namespace jetcal {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

class CpuMemory final : public DeviceMemory {
 public:
  Device device() const override { return {}; }

  float* allocate(std::int64_t floats) override {
    std::size_t const bytes = bytes_of(floats);
    std::size_t const alignment = bytes >= kHugePage ? kHugePage : kAlignment;
    std::size_t const rounded = (bytes + alignment - 1) / alignment * alignment;
    auto* const data = static_cast<float*>(std::aligned_alloc(alignment, rounded));
    JETCAL_REQUIRE(data != nullptr, DeviceError,
                   "device cpu: no memory for " << (bytes >> 20)
                                                << " MiB. Use a smaller batch or fewer lanes");
    // Large arenas are read from end to end at every update: huge pages spare the address
    // translation.
    if (bytes >= kHugePage) { madvise(data, rounded, MADV_HUGEPAGE); }
    std::memset(data, 0, bytes);
    return data;
  }
  void release(float* data) noexcept override { std::free(data); }

  void fill_zero(float* data, std::int64_t floats) override {
    std::memset(data, 0, bytes_of(floats));
  }
  void copy(float const* from, float* to, std::int64_t floats) override {
    std::memcpy(to, from, bytes_of(floats));
  }
  void upload(float const* host, float* to, std::int64_t floats) override {
    copy(host, to, floats);
  }
  void download(float const* from, float* host, std::int64_t floats) override {
    copy(from, host, floats);
  }

 private:
  static std::size_t bytes_of(std::int64_t floats) {
    return static_cast<std::size_t>(floats) * sizeof(float);
  }
};

}  // namespace

Device Device::parse(std::string_view word) {
  if (word == "cpu") { return {}; }
  constexpr std::string_view kCuda = "cuda:";
  if (word.substr(0, kCuda.size()) == kCuda) {
    std::string_view const digits = word.substr(kCuda.size());
    int index = -1;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (error == std::errc() && end == digits.data() + digits.size() && index >= 0) {
      return {Kind::cuda, index};
    }
  }
  throw ConfigError("--device: '" + std::string(word) + "' is unknown (cpu or cuda:N)");
}

std::string Device::name() const {
  return kind == Kind::cpu ? std::string("cpu") : "cuda:" + std::to_string(index);
}

DeviceMemory& device_memory(Device device) {
  static CpuMemory cpu;
  if (device.kind == Device::Kind::cpu) { return cpu; }
  auto& memory = CudaLibrary::open().function<decltype(jetcal_cuda_memory)>("jetcal_cuda_memory");
  return *memory(device.index);
}

Buffer::Buffer(Device device, std::int64_t floats) : Buffer(device_memory(device), floats) {}

Buffer::Buffer(DeviceMemory& memory, std::int64_t floats) : memory_(&memory), size_(floats) {
  JETCAL_REQUIRE(floats >= 0, ShapeError, "Buffer: " << floats << " floats (must be at least 0)");
  if (floats > 0) { data_ = memory.allocate(floats); }
}

Buffer::~Buffer() {
  if (data_ != nullptr) { memory_->release(data_); }
}

Buffer::Buffer(Buffer&& other) noexcept
    : memory_(other.memory_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Device Buffer::device() const { return memory_ == nullptr ? Device{} : memory_->device(); }

void Buffer::fill_zero() {
  if (size_ > 0) { memory_->fill_zero(data_, size_); }
}

void Buffer::copy_from(Buffer const& other) {
  JETCAL_REQUIRE(size_ == other.size_, ShapeError,
                 "Buffer::copy_from: " << other.size_ << " floats into " << size_);
  JETCAL_REQUIRE(size_ == 0 || memory_ == other.memory_, DeviceError,
                 "Buffer::copy_from: from device " << other.device().name() << " to "
                                                   << device().name() << " (must be the same)");
  if (size_ > 0) { memory_->copy(other.data_, data_, size_); }
}

void Buffer::upload(std::vector<float> const& host) {
  JETCAL_REQUIRE(size_ == static_cast<std::int64_t>(host.size()), ShapeError,
                 "Buffer::upload: " << host.size() << " floats into " << size_);
  if (size_ > 0) { memory_->upload(host.data(), data_, size_); }
}

std::vector<float> Buffer::download() const {
  std::vector<float> host(static_cast<std::size_t>(size_));
  if (size_ > 0) { memory_->download(data_, host.data(), size_); }
  return host;
}

}  // namespace jetcal
