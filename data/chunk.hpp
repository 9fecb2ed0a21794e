#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/hdf5.hpp"

namespace jetcal::data {

/// How the chunks of a dataset are packed, if it is a way that we unpack ourselves, outside the
/// library's one lock: an optional shuffle, then an optional compression. `mask_bit` is the
/// filter's place in the pipeline: a chunk's mask has this bit set where the filter was skipped.
struct ChunkPacking {
  enum class Compression { none, deflate, lz4 };

  bool shuffle = false;
  unsigned shuffle_mask_bit = 0;
  Compression compression = Compression::none;
  unsigned compression_mask_bit = 0;
};

inline constexpr H5Z_filter_t kLz4Filter = 32004;

/// Checks that the library has every filter of a dataset. Call inside an Hdf5Scope.
///
/// Errors    DataError with the filter's name and where to get it
void require_filters(hid_t creation_properties, std::string const& path);

/// Reads the filters of a dataset's creation properties. False if they are others than those above,
/// or in another order: then only the library can read the dataset.
bool chunk_packing(hid_t creation_properties, std::size_t row_bytes, ChunkPacking& out);

/// Undoes the compression of one chunk; the shuffle stays (`shuffled` says whether there is one).
///
/// Errors    none thrown: false if `stored` does not give exactly `chunk_bytes` bytes
bool unpack_chunk(ChunkPacking const& packing, std::uint32_t skipped_filters,
                  std::vector<std::uint8_t> const& stored, std::uint8_t* chunk,
                  std::size_t chunk_bytes, bool& shuffled);

/// A chunk as it is stored.
struct PackedChunk {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> shuffled;  ///< scratch
};

/// How hard pack_chunk tries: jets are noise to it, level 9 saves 0.6 % of them for 3 times the
/// time.
inline constexpr int kDeflateLevel = 2;

/// The rows of a whole chunk as the library's filters shuffle and deflate would store them: it
/// unpacks them like its own. Threads may call it at once.
void pack_chunk(std::span<std::uint8_t const> rows, std::size_t row_bytes, PackedChunk& out);

}  // namespace jetcal::data
