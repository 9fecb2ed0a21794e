// Races between the blocks of a launch: which bytes of global memory each block has read and
// written.
//
// A block keeps bit maps of its own while it runs. When it has ended they are compared with the
// union of those of the blocks before it: bytes one block wrote and another read or wrote are a
// race, unless both accesses were atomic. Blocks have no order, so the order of comparison does not
// matter.
#pragma once

#include "tests/emulator/types.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace emulator {

enum class Touch : u8 { read, write, atomic };

constexpr u64 kTracePage = 4096;
using PageBits = std::array<u64, kTracePage / 64>;

/// What one block did to the bytes of one page.
struct PageTrace {
  PageBits read{}, written{}, atomic{};
  std::array<u16, kTracePage / 4> read_by{}, written_by{};  ///< instructions, one a word
};

/// The accesses of the block that is being executed.
class BlockAccesses {
 public:
  void begin_block();
  /// `offset`: in device memory; the bytes lie in one aligned group of 64.
  void touch(u64 offset, int bytes, Touch kind, int instruction) {
    u64 const page = offset / kTracePage;
    if (page != last_page_) { turn_to(page); }
    u64 const at = offset % kTracePage;
    u64 const mask = (bytes == 64 ? ~u64(0) : (u64(1) << bytes) - 1) << (at % 64);
    u64 const word = at / 4;
    if (kind == Touch::read) {
      last_->read[at / 64] |= mask;
      for (int byte = 0; byte < bytes; byte += 4) {
        last_->read_by[word + byte / 4] = u16(instruction);
      }
    } else {
      (kind == Touch::write ? last_->written : last_->atomic)[at / 64] |= mask;
      for (int byte = 0; byte < bytes; byte += 4) {
        last_->written_by[word + byte / 4] = u16(instruction);
      }
    }
  }
  std::unordered_map<u64, PageTrace*> const& pages() const { return pages_; }

 private:
  void turn_to(u64 page);
  std::unordered_map<u64, PageTrace*> pages_;
  std::vector<std::unique_ptr<PageTrace>> pool_;
  std::size_t used_ = 0;
  u64 last_page_ = ~u64(0);
  PageTrace* last_ = nullptr;
};

struct BlockConflict {
  u64 offset = 0;  ///< of the first such byte, in device memory
  u64 other_block = 0;
  bool wrote = false, other_wrote = false;
  bool atomic = false;  ///< one of the two was atomic
  int instruction = 0, other_instruction = 0;
};

/// The accesses of all blocks of a launch that have ended.
class LaunchAccesses {
 public:
  /// Adds those of a block; gives its conflicts with earlier ones, at most one a page.
  std::vector<BlockConflict> merge(BlockAccesses const& block, u64 block_index);
  /// Bytes read (atomics too) and written by anybody: each byte once.
  void count_distinct(u64& read, u64& written) const;

 private:
  struct Page {
    PageTrace trace;
    std::array<u32, kTracePage / 4> reader{}, writer{};
  };
  std::mutex mutex_;
  std::unordered_map<u64, std::unique_ptr<Page>> pages_;
};

}  // namespace emulator
