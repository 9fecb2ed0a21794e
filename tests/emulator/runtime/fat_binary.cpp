// Reads the fat binaries nvcc embeds (layout found by looking at those of nvcc 13).
#include "tests/emulator/runtime/fat_binary.hpp"

#include "tests/emulator/types.hpp"

#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace emulator {
namespace {

constexpr u32 kWrapperMagic = 0x466243b1, kMagic = 0xba55ed50;
constexpr u16 kPtx = 1;
constexpr u64 kCompressed = 0x2000 | 0x8000;  // LZ4, Zstandard

template <class T>
T read(char const* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

int target_of(std::string const& ptx) {
  std::size_t const at = ptx.find(".target sm_");
  return at == std::string::npos ? 0 : std::atoi(ptx.c_str() + at + 11);
}

}  // namespace

std::string ptx_of(void const* wrapper, int capability) {
  char const* const w = static_cast<char const*>(wrapper);
  if (read<u32>(w) != kWrapperMagic) {
    throw std::runtime_error("this is no fat binary of nvcc's");
  }
  char const* at = read<char const*>(w + 8);
  if (read<u32>(at) != kMagic) {
    throw std::runtime_error("the fat binary has another layout than nvcc 13's");
  }
  u16 const header = read<u16>(at + 6);
  char const* const end = at + header + read<u64>(at + 8);
  at += header;
  std::string best;
  int best_target = 0;
  bool compressed = false;
  while (at < end) {
    u16 const kind = read<u16>(at);
    u32 const entry_header = read<u32>(at + 4);
    u64 const bytes = read<u64>(at + 8), flags = read<u64>(at + 40);
    if (kind == kPtx && (flags & kCompressed) != 0) {
      compressed = true;
    } else if (kind == kPtx) {
      std::string text(at + entry_header, strnlen(at + entry_header, bytes));
      int const target = target_of(text);
      if (target <= capability && target > best_target) {
        best_target = target;
        best = std::move(text);
      }
    }
    at += entry_header + bytes;
  }
  if (best_target != 0) { return best; }
  throw std::runtime_error(
      compressed ? "the PTX in this program is compressed. Build it with nvcc -no-compress"
                 : "this program has no PTX for a device of capability " +
                       std::to_string(capability / 10) + "." + std::to_string(capability % 10) +
                       ". Build it with -gencode arch=compute_80,code=compute_80");
}

}  // namespace emulator
