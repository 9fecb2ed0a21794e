#include "data/lz4.hpp"

#include <algorithm>
#include <cstring>

namespace jetcal::data {
namespace {

std::uint64_t big_endian(std::uint8_t const* bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) { value = value << 8 | bytes[i]; }
  return value;
}

/// A length of 15 goes on in further bytes, up to and with the first that is not 255. False if they
/// run out.
bool read_length(std::uint8_t const*& in, std::uint8_t const* in_end, std::size_t& length) {
  if (length != 15) { return true; }
  std::uint8_t byte = 255;
  while (byte == 255) {
    if (in == in_end) { return false; }
    byte = *in++;
    length += byte;
  }
  return true;
}

/// Repeats the `length` bytes that lie `distance` back; they may overlap what is being written.
void copy_match(std::uint8_t* out, std::size_t distance, std::size_t length) {
  while (length > distance) {
    std::memcpy(out, out - distance, distance);
    out += distance;
    length -= distance;
    distance *= 2;
  }
  std::memcpy(out, out - distance, length);
}

}  // namespace

bool lz4_decode_block(std::span<std::uint8_t const> input, std::span<std::uint8_t> output) {
  std::uint8_t const* in = input.data();
  std::uint8_t const* const in_end = in + input.size();
  std::uint8_t* out = output.data();
  std::uint8_t* const out_end = out + output.size();
  while (in != in_end) {
    std::uint8_t const token = *in++;
    std::size_t literals = token >> 4;
    if (!read_length(in, in_end, literals)) { return false; }
    if (literals > static_cast<std::size_t>(in_end - in) ||
        literals > static_cast<std::size_t>(out_end - out)) {
      return false;
    }
    if (literals > 0) { std::memcpy(out, in, literals); }
    in += literals;
    out += literals;
    if (in == in_end) { return out == out_end; }  // the last sequence has literals only

    if (in_end - in < 2) { return false; }
    std::size_t const distance = static_cast<std::size_t>(in[0] | in[1] << 8);
    in += 2;
    std::size_t length = token & 15;
    if (!read_length(in, in_end, length)) { return false; }
    length += 4;
    if (distance == 0 || distance > static_cast<std::size_t>(out - output.data()) ||
        length > static_cast<std::size_t>(out_end - out)) {
      return false;
    }
    copy_match(out, distance, length);
    out += length;
  }
  return false;  // an empty block, or one that ends with a match
}

bool lz4_decode_chunk(std::span<std::uint8_t const> in, std::span<std::uint8_t> out) {
  constexpr std::size_t kHeader = 12;
  if (in.size() < kHeader || big_endian(in.data(), 8) != out.size()) { return false; }
  std::size_t const block = big_endian(in.data() + 8, 4);
  if (block == 0) { return false; }
  in = in.subspan(kHeader);
  while (!out.empty()) {
    if (in.size() < 4) { return false; }
    std::size_t const stored = big_endian(in.data(), 4);
    in = in.subspan(4);
    auto const part = out.first(std::min(block, out.size()));
    if (stored > in.size()) { return false; }
    if (stored == part.size()) {
      std::copy_n(in.begin(), stored, part.begin());
    } else if (!lz4_decode_block(in.first(stored), part)) {
      return false;
    }
    in = in.subspan(stored);
    out = out.subspan(part.size());
  }
  return in.empty();
}

}  // namespace jetcal::data
