#include "data/chunk.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "data/lz4.hpp"

namespace jetcal::data {
namespace {

std::string filter_name(H5Z_filter_t id) {
  switch (id) {
    case kLz4Filter:
      return "LZ4";
    case 307:
      return "bzip2";
    case 32000:
      return "LZF";
    case 32001:
      return "Blosc";
    case 32008:
      return "bitshuffle";
    case 32015:
      return "Zstandard";
    default:
      return "number " + std::to_string(id);
  }
}

/// One a thread: they hold tables that are costly to make.
libdeflate_decompressor* decompressor() {
  struct Free {
    void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
  };
  thread_local std::unique_ptr<libdeflate_decompressor, Free> const of_thread(
      libdeflate_alloc_decompressor());
  JETCAL_REQUIRE(of_thread, Error, "unpack_chunk: no memory for the decompressor");
  return of_thread.get();
}

libdeflate_compressor* compressor() {
  struct Free {
    void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
  };
  thread_local std::unique_ptr<libdeflate_compressor, Free> const of_thread(
      libdeflate_alloc_compressor(kDeflateLevel));
  JETCAL_REQUIRE(of_thread, Error, "pack_chunk: no memory for the compressor");
  return of_thread.get();
}

/// Byte k of all rows together, for one k after the other.
void shuffle(std::span<std::uint8_t const> rows, std::size_t row_bytes, std::uint8_t* out) {
  constexpr std::size_t kTile = 64;  // rows that stay in the first cache while transposed
  std::size_t const n = rows.size() / row_bytes;
  for (std::size_t start = 0; start < n; start += kTile) {
    std::size_t const end = std::min(n, start + kTile);
    for (std::size_t k = 0; k < row_bytes; ++k) {
      for (std::size_t r = start; r < end; ++r) { out[k * n + r] = rows[r * row_bytes + k]; }
    }
  }
}

}  // namespace

void require_filters(hid_t creation_properties, std::string const& path) {
  int const filters = H5Pget_nfilters(creation_properties);
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, config = 0;
    std::size_t n_values = 0;
    auto const id = H5Pget_filter2(creation_properties, static_cast<unsigned>(i), &flags, &n_values,
                                   nullptr, 0, nullptr, &config);
    bool const in_debian_package = id == kLz4Filter || id == 307 || id == 32008;
    JETCAL_REQUIRE(
        H5Zfilter_avail(id) > 0, DataError,
        path << ": /jets is packed with the filter " << filter_name(id)
             << ", which this HDF5 library does not have. "
             << (in_debian_package ? "Install the Debian package hdf5-filter-plugin"
                                   : "Install its plugin, or pack the file with gzip or LZ4")
             << " (plugins are looked for in HDF5_PLUGIN_PATH)");
  }
}

bool chunk_packing(hid_t creation_properties, std::size_t row_bytes, ChunkPacking& out) {
  out = {};
  unsigned options = 0;
  if (H5Pget_chunk_opts(creation_properties, &options) < 0 || options != 0) { return false; }
  int const filters = H5Pget_nfilters(creation_properties);
  for (int i = 0; i < filters; ++i) {
    auto const place = static_cast<unsigned>(i);
    unsigned flags = 0, config = 0, values[8] = {};
    std::size_t n_values = 8;
    auto const id =
        H5Pget_filter2(creation_properties, place, &flags, &n_values, values, 0, nullptr, &config);
    bool const compressed = out.compression != ChunkPacking::Compression::none;
    if (id == H5Z_FILTER_SHUFFLE && i == 0) {
      if (n_values < 1 || values[0] != row_bytes) { return false; }
      out.shuffle = true;
      out.shuffle_mask_bit = place;
    } else if ((id == H5Z_FILTER_DEFLATE || id == kLz4Filter) && !compressed) {
      out.compression =
          id == kLz4Filter ? ChunkPacking::Compression::lz4 : ChunkPacking::Compression::deflate;
      out.compression_mask_bit = place;
    } else {
      return false;
    }
  }
  return filters >= 0;
}

bool unpack_chunk(ChunkPacking const& packing, std::uint32_t skipped_filters,
                  std::vector<std::uint8_t> const& stored, std::uint8_t* chunk,
                  std::size_t chunk_bytes, bool& shuffled) {
  auto const skipped = [&](unsigned bit) { return (skipped_filters >> bit & 1) != 0; };
  shuffled = packing.shuffle && !skipped(packing.shuffle_mask_bit);
  auto compression = packing.compression;
  if (skipped(packing.compression_mask_bit)) { compression = ChunkPacking::Compression::none; }
  switch (compression) {
    case ChunkPacking::Compression::deflate:
      return libdeflate_zlib_decompress(decompressor(), stored.data(), stored.size(), chunk,
                                        chunk_bytes, nullptr) == LIBDEFLATE_SUCCESS;
    case ChunkPacking::Compression::lz4:
      return lz4_decode_chunk(stored, {chunk, chunk_bytes});
    case ChunkPacking::Compression::none:
      break;
  }
  if (stored.size() != chunk_bytes) { return false; }
  std::memcpy(chunk, stored.data(), chunk_bytes);
  return true;
}

void pack_chunk(std::span<std::uint8_t const> rows, std::size_t row_bytes, PackedChunk& out) {
  out.shuffled.resize(rows.size());
  shuffle(rows, row_bytes, out.shuffled.data());
  out.bytes.resize(libdeflate_zlib_compress_bound(compressor(), rows.size()));
  out.bytes.resize(libdeflate_zlib_compress(compressor(), out.shuffled.data(), rows.size(),
                                            out.bytes.data(), out.bytes.size()));
}

}  // namespace jetcal::data
