// Races between blocks: merging the bit maps.
#include "tests/emulator/memory/block_accesses.hpp"

#include <bit>

namespace emulator {

void BlockAccesses::begin_block() {
  pages_.clear();
  used_ = 0;
  last_page_ = ~u64(0);
}

void BlockAccesses::turn_to(u64 page) {
  auto const [at, is_new] = pages_.try_emplace(page, nullptr);
  if (is_new) {
    if (used_ == pool_.size()) { pool_.push_back(std::make_unique<PageTrace>()); }
    at->second = pool_[used_++].get();
    at->second->read.fill(0);
    at->second->written.fill(0);
    at->second->atomic.fill(0);
  }
  last_page_ = page;
  last_ = at->second;
}

std::vector<BlockConflict> LaunchAccesses::merge(BlockAccesses const& block, u64 block_index) {
  std::vector<BlockConflict> conflicts;
  for (auto const& [number, mine] : block.pages()) {
    std::scoped_lock const lock(mutex_);
    auto& slot = pages_[number];
    if (!slot) { slot = std::make_unique<Page>(); }
    PageTrace& all = slot->trace;
    bool found = false;
    for (std::size_t i = 0; i < mine->read.size(); ++i) {
      u64 const changed = all.written[i] | all.atomic[i];
      u64 const race = (mine->written[i] & (changed | all.read[i])) |
                       (mine->atomic[i] & (all.written[i] | all.read[i])) |
                       (mine->read[i] & changed);
      if (race != 0 && !found) {
        found = true;
        u64 const bit = race & (~race + 1);
        u64 const byte = i * 64 + static_cast<u64>(std::countr_zero(race));
        BlockConflict c;
        c.offset = number * kTracePage + byte;
        c.wrote = ((mine->written[i] | mine->atomic[i]) & bit) != 0;
        // If this block only read, the other one wrote; otherwise name its write if it did.
        c.other_wrote = (changed & bit) != 0;
        c.atomic = ((mine->atomic[i] | all.atomic[i]) & bit) != 0;
        c.instruction = c.wrote ? mine->written_by[byte / 4] : mine->read_by[byte / 4];
        c.other_block = c.other_wrote ? slot->writer[byte / 4] : slot->reader[byte / 4];
        c.other_instruction = c.other_wrote ? all.written_by[byte / 4] : all.read_by[byte / 4];
        conflicts.push_back(c);
      }
      auto note = [&](u64 fresh, std::array<u32, kTracePage / 4>& who,
                      std::array<u16, kTracePage / 4>& what,
                      std::array<u16, kTracePage / 4> const& by) {
        while (fresh != 0) {
          std::size_t const word = (i * 64 + static_cast<std::size_t>(std::countr_zero(fresh))) / 4;
          who[word] = static_cast<u32>(block_index);
          what[word] = by[word];
          fresh &= ~(u64(15) << (word * 4 % 64));
        }
      };
      note(mine->read[i] & ~all.read[i], slot->reader, all.read_by, mine->read_by);
      note((mine->written[i] | mine->atomic[i]) & ~changed, slot->writer, all.written_by,
           mine->written_by);
      all.read[i] |= mine->read[i];
      all.written[i] |= mine->written[i];
      all.atomic[i] |= mine->atomic[i];
    }
  }
  return conflicts;
}

void LaunchAccesses::count_distinct(u64& read, u64& written) const {
  for (auto const& [number, page] : pages_) {
    for (std::size_t i = 0; i < page->trace.read.size(); ++i) {
      read += static_cast<u64>(std::popcount(page->trace.read[i] | page->trace.atomic[i]));
      written += static_cast<u64>(std::popcount(page->trace.written[i] | page->trace.atomic[i]));
    }
  }
}

}  // namespace emulator
