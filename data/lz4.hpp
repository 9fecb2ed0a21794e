#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace jetcal::data {

/// Undoes one block of LZ4. Decoded here and not by the filter's own library because that one
/// trusts its input: a damaged file must give an error, not a crash.
///
/// Source    LZ4 block format, github.com/lz4/lz4, doc/lz4_Block_format.md
/// Errors    none thrown: false if `in` is no block that gives exactly out.size() bytes
bool lz4_decode_block(std::span<std::uint8_t const> in, std::span<std::uint8_t> out);

/// Undoes the HDF5 filter 32004: the size of the whole, the size of a block, then each block after
/// its own stored size (all big-endian); a block stored at full size is not compressed.
///
/// Source    HDF5 LZ4 filter (hdf5-filter-plugin), its format description
/// Errors    none thrown: false if `in` does not hold exactly out.size() bytes
bool lz4_decode_chunk(std::span<std::uint8_t const> in, std::span<std::uint8_t> out);

}  // namespace jetcal::data
