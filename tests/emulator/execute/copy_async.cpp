// cp.async: the bytes arrive when they are waited for, as late as the hardware may let them.
#include "tests/emulator/execute/select.hpp"
#include "tests/emulator/execute/warp.hpp"

#include <algorithm>
#include <utility>

namespace emulator {
namespace {

// cp.async.cg.shared.global [to], [from], bytes{, bytes to read};
void copy(Warp& w, Instruction const& i, Lanes lanes) {
  int const bytes = static_cast<int>(i.variant);
  std::array<u64, kWarpSize> to{}, from{};
  Lanes reading = 0;
  each_lane(lanes, [&](int lane) {
    std::size_t const l = static_cast<std::size_t>(lane);
    to[l] = (i.from[0].there() ? w.value(i.from[0], lane) : 0) + static_cast<u64>(i.offset[0]);
    from[l] = (i.from[1].there() ? w.value(i.from[1], lane) : 0) + static_cast<u64>(i.offset[1]);
    AsyncCopy c;
    c.to = to[l];
    c.from = from[l];
    c.bytes = bytes;
    c.from_bytes = i.from[2].there()
                       ? std::min(bytes, static_cast<int>(u32(w.value(i.from[2], lane))))
                       : bytes;
    c.group = w.copy_group[l];
    c.lane = lane;
    c.instruction = &i;
    if (from[l] % static_cast<u64>(bytes) != 0) {
      w.block.stop(Check::misaligned, w, i, lane,
                   [&] { return "the source is no multiple of " + std::to_string(bytes); });
    }
    // Whole words are checked; the size is a multiple of 4 in all sane code.
    for (int at = 0; at < c.from_bytes; at += 4) {
      touch(w, i, lane, Space::global, c.from + static_cast<u64>(at),
            std::min(4, c.from_bytes - at), Touch::read);
    }
    // From now on it may arrive at any moment: a write, whose bytes nobody may look at yet.
    touch(w, i, lane, Space::shared, c.to, bytes, Touch::write);
    std::memset(w.block.shared.state_at(c.to), static_cast<int>(State::in_flight),
                static_cast<u64>(bytes));
    if (c.from_bytes > 0) { reading |= Lanes(1) << lane; }
    w.copies.push_back(c);
  });
  InstructionCounter& counter = w.block.counters[static_cast<std::size_t>(w.index_of(i))];
  if (reading != 0) { count_global(counter, from.data(), reading, bytes); }
}

void commit(Warp& w, Instruction const&, Lanes lanes) {
  each_lane(lanes, [&](int lane) { ++w.copy_group[static_cast<std::size_t>(lane)]; });
}

void arrive(Warp& w, AsyncCopy const& c) {
  DeviceMemory& memory = DeviceMemory::get();
  u8* const to = w.block.shared.bytes_at(c.to);
  u64 const from_bytes = static_cast<u64>(c.from_bytes), bytes = static_cast<u64>(c.bytes);
  std::memcpy(to, memory.bytes_at(c.from), from_bytes);
  std::memset(to + from_bytes, 0, bytes - from_bytes);
  std::memset(w.block.shared.state_at(c.to), static_cast<int>(State::initialised), bytes);
  SharedConflict ignored;  // what touched it in between has been told already
  w.block.shared.races.write(w.block.shared.offset_of(c.to), c.bytes, w.index, c.lane,
                             w.index_of(*c.instruction), w.clock, ignored);
}

// cp.async.wait_group n: all groups but the last n of each lane; wait_all: everything.
void wait(Warp& w, Instruction const& i, Lanes lanes) {
  bool const all = i.variant == 1;
  std::vector<AsyncCopy> later;
  for (AsyncCopy const& c : w.copies) {
    std::size_t const lane = static_cast<std::size_t>(c.lane);
    int const open = all ? 0 : static_cast<int>(w.value(i.from[0], c.lane));
    bool const waits = (lanes >> c.lane & 1) != 0;
    if (waits && (all || c.group < w.copy_group[lane] - open)) {
      arrive(w, c);
    } else {
      later.push_back(c);
    }
  }
  w.copies = std::move(later);
}

}  // namespace

Choice select_async(ptx::Statement const& s) {
  if (s.opcode[0] != "cp" || !s.has("async") || s.has("bulk") || s.has("mbarrier")) { return {}; }
  if (s.has("commit_group")) { return {commit, Class::copy_async}; }
  if (s.has("wait_all") || s.has("wait_group")) {
    Choice choice(wait, Class::copy_async);
    choice.variant = s.has("wait_all");
    return choice;
  }
  if (s.operands.size() < 3 || s.operands[2].kind != ptx::Operand::Kind::number || s.has("noftz")) {
    return {};
  }
  Choice choice(copy, Class::copy_async);
  choice.variant = static_cast<u32>(s.operands[2].number);
  return choice;
}

}  // namespace emulator
