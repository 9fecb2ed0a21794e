#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "engine/errors.hpp"
#include "engine/random.hpp"
#include "engine/sealed_file.hpp"

namespace jetcal::test {

inline void write_bytes(std::filesystem::path const& path, std::span<std::byte const> bytes) {
  // A new file: ext4 synchronises one that is written over, 14 ms each time.
  std::filesystem::remove(path);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<char const*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
}

/// Damages the sealed file at `path` in every way and calls `read` after each; the file is whole
/// again at the end. Returns what `read` did not refuse with a DataError.
template <class Read>
std::vector<std::string> undetected_damage(std::filesystem::path const& path, Read read) {
  std::vector<std::byte> const good = read_bytes(path);
  std::vector<std::string> missed;
  auto const try_bytes = [&](std::span<std::byte const> bytes, std::string const& what) {
    write_bytes(path, bytes);
    try {
      read();
      missed.push_back(what);
    } catch (DataError const&) {
    } catch (std::exception const& e) { missed.push_back(what + ": " + e.what()); }
  };

  // 1500 bits anywhere, and 500 in the block and the first structures of HDF5.
  RandomStream const random(7, Purpose::test, 11);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    std::size_t const bytes = i < 1500 ? good.size() : std::min<std::size_t>(good.size(), 4096);
    std::size_t const bit = random.bits(i) % (bytes * 8);
    auto damaged = good;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    try_bytes(damaged, "bit " + std::to_string(bit));
  }

  std::vector<std::size_t> sizes{0,   1,   7,   8,   20,   511,  512, 513,
                                 519, 520, 560, 608, 1023, 1024, 2048};
  for (std::size_t const left : {1u, 2u, 4u, 511u, 512u, 4096u}) {
    if (left < good.size()) { sizes.push_back(good.size() - left); }
  }
  for (std::uint64_t i = 0; i < 100; ++i) { sizes.push_back(random.bits(5000 + i) % good.size()); }
  for (std::size_t const size : sizes) {
    try_bytes(std::span(good).first(size), "cut to " + std::to_string(size));
  }

  for (std::size_t const more : {1u, 8u, 512u, 10'000u}) {
    auto longer = good;
    longer.resize(good.size() + more);
    try_bytes(longer, "longer by " + std::to_string(more));
    std::copy(good.begin(), good.begin() + std::min<std::ptrdiff_t>(more, std::ssize(good)),
              longer.begin() + std::ssize(good));
    try_bytes(longer, "with " + std::to_string(more) + " of its own bytes behind it");
  }
  try_bytes(std::span(good).subspan(kSealBytes), "without its block");
  auto zeros = good;
  std::fill(zeros.begin() + kSealBytes, zeros.end(), std::byte{0});
  try_bytes(zeros, "with nothing but zeros behind its block");
  write_bytes(path, good);
  return missed;
}

}  // namespace jetcal::test
