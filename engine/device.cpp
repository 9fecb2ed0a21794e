#include "engine/device.hpp"

#include <sys/mman.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engine/errors.hpp"

namespace jetcal {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

void require_cpu(Device device) {
  JETCAL_REQUIRE(device.kind == Device::Kind::cpu, DeviceError,
                 "device " << device.name()
                           << ": this program was built without CUDA code (must be cpu). Use "
                              "--device cpu");
}

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

Buffer::Buffer(Device device, std::int64_t floats) : device_(device), size_(floats) {
  require_cpu(device);
  JETCAL_REQUIRE(floats >= 0, ShapeError, "Buffer: " << floats << " floats (must be at least 0)");
  if (floats == 0) { return; }
  std::size_t const bytes = static_cast<std::size_t>(floats) * sizeof(float);
  std::size_t const alignment = bytes >= kHugePage ? kHugePage : kAlignment;
  std::size_t const rounded = (bytes + alignment - 1) / alignment * alignment;
  data_ = static_cast<float*>(std::aligned_alloc(alignment, rounded));
  JETCAL_REQUIRE(
      data_ != nullptr, DeviceError,
      "device cpu: no memory for " << (bytes >> 20) << " MiB. Use a smaller batch or fewer lanes");
  // Large arenas are read from end to end at every update: huge pages spare the address
  // translation.
  if (bytes >= kHugePage) { madvise(data_, rounded, MADV_HUGEPAGE); }
  std::memset(data_, 0, bytes);
}

Buffer::~Buffer() { std::free(data_); }

Buffer::Buffer(Buffer&& other) noexcept
    : device_(other.device_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void Buffer::fill_zero() {
  if (size_ > 0) { std::memset(data_, 0, static_cast<std::size_t>(size_) * sizeof(float)); }
}

void Buffer::copy_from(Buffer const& other) {
  JETCAL_REQUIRE(size_ == other.size_, ShapeError,
                 "Buffer::copy_from: " << other.size_ << " floats into " << size_);
  if (size_ > 0) {
    std::memcpy(data_, other.data_, static_cast<std::size_t>(size_) * sizeof(float));
  }
}

void Buffer::upload(std::vector<float> const& host) {
  JETCAL_REQUIRE(size_ == static_cast<std::int64_t>(host.size()), ShapeError,
                 "Buffer::upload: " << host.size() << " floats into " << size_);
  if (size_ > 0) {
    std::memcpy(data_, host.data(), static_cast<std::size_t>(size_) * sizeof(float));
  }
}

std::vector<float> Buffer::download() const { return {data_, data_ + size_}; }

}  // namespace jetcal
