// Execution of one block: its warps in random slices, its barriers, its deadlocks.
#include "tests/emulator/execute/warp.hpp"

#include <algorithm>
#include <cstdio>
#include <new>
#include <utility>

#include "tests/emulator/ptx/syntax.hpp"

namespace emulator {
namespace {

std::string text_of(Dim3 d) {
  return "(" + std::to_string(d.x) + "," + std::to_string(d.y) + "," + std::to_string(d.z) + ")";
}

/// What registers hold before anything was written: a NaN, and no valid address.
constexpr int kPoison = 0xfb;

}  // namespace

int Warp::index_of(Instruction const& i) const {
  return static_cast<int>(&i - block.kernel.code.data());
}

Block::Block(Launch& of)
    : launch(of), kernel(of.kernel), threads(static_cast<u32>(of.block.count())) {
  std::size_t const count = (threads + kWarpSize - 1) / kWarpSize;
  std::size_t const words = (kernel.words + 15) / 16 * 16;
  void* const memory =
      std::aligned_alloc(64, std::max<std::size_t>(count * words * sizeof(u32), 64));
  if (memory == nullptr) { throw std::bad_alloc(); }
  register_file_.reset(static_cast<u32*>(memory));
  warps.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    warps.emplace_back(*this, static_cast<int>(i), register_file_.get() + i * words);
    Warp& warp = warps.back();
    warp.local.resize(kernel.local_bytes * kWarpSize);
    for (Kernel::Constant const& constant : kernel.constants) {
      for (int lane = 0; lane < kWarpSize; ++lane) {
        warp.set_value(constant.slot, lane, constant.value);
      }
    }
  }
  shared.prepare(kernel, launch.dynamic_shared);
  counters.resize(kernel.code.size());
}

void Block::fill_special(Warp& warp, Kernel::SpecialRegister const& special) {
  for (u32 lane = 0; lane < kWarpSize; ++lane) {
    Dim3 const tid = coordinates(static_cast<u64>(warp.index) * kWarpSize + lane, launch.block);
    u32 const below = (u32(1) << lane) - 1, equal = u32(1) << lane;
    u32 value = 0;
    switch (special.which) {
      case Special::tid_x:
        value = tid.x;
        break;
      case Special::tid_y:
        value = tid.y;
        break;
      case Special::tid_z:
        value = tid.z;
        break;
      case Special::ntid_x:
        value = launch.block.x;
        break;
      case Special::ntid_y:
        value = launch.block.y;
        break;
      case Special::ntid_z:
        value = launch.block.z;
        break;
      case Special::ctaid_x:
        value = index.x;
        break;
      case Special::ctaid_y:
        value = index.y;
        break;
      case Special::ctaid_z:
        value = index.z;
        break;
      case Special::nctaid_x:
        value = launch.grid.x;
        break;
      case Special::nctaid_y:
        value = launch.grid.y;
        break;
      case Special::nctaid_z:
        value = launch.grid.z;
        break;
      case Special::laneid:
        value = lane;
        break;
      case Special::lanemask_eq:
        value = equal;
        break;
      case Special::lanemask_lt:
        value = below;
        break;
      case Special::lanemask_le:
        value = below | equal;
        break;
      case Special::lanemask_gt:
        value = ~(below | equal);
        break;
      case Special::lanemask_ge:
        value = ~below;
        break;
      case Special::dynamic_smem_size:
        value = static_cast<u32>(launch.dynamic_shared);
        break;
    }
    warp.set_value(special.slot, static_cast<int>(lane), value);
  }
}

void Block::begin(u64 block_number) {
  number = block_number;
  index = coordinates(number, launch.grid);
  random = Random(launch.seed ^ (number * 0xD1342543DE82EF95ull));
  first_finding_ = findings.size();
  shared.begin_block();
  accesses.begin_block();
  for (Warp& warp : warps) {
    std::memset(warp.words + kernel.first_register, kPoison,
                (kernel.words - kernel.first_register) * sizeof(u32));
    for (Kernel::SpecialRegister const& special : kernel.specials) { fill_special(warp, special); }
    u32 const first = static_cast<u32>(warp.index) * kWarpSize;
    u32 const here = std::min(threads - first, u32(kWarpSize));
    warp.alive = here == kWarpSize ? kAllLanes : (Lanes(1) << here) - 1;
    warp.at_barrier = 0;
    warp.pc.fill(0);
    warp.clock.reset();
    warp.steps = 0;
    warp.copies.clear();
    warp.copy_group.fill(0);
    warp.local_state.assign(warp.local.size(), State::uninitialised);
    std::fill(warp.local.begin(), warp.local.end(), u8(0xff));
  }
}

void Block::run(u64 block_number) {
  begin(block_number);
  try {
    for (;;) {
      bool progress = false, all_wait = true, any_wait = false, any_alive = false;
      std::size_t const first = random.below(warps.size());
      for (std::size_t i = 0; i < warps.size(); ++i) {
        progress |= run_warp(warps[(first + i) % warps.size()], random.log_uniform());
      }
      for (Warp const& warp : warps) {
        any_alive |= warp.alive != 0;
        any_wait |= warp.at_barrier != 0;
        all_wait &= warp.at_barrier == warp.alive;
      }
      if (!any_alive) { break; }
      if (any_wait && all_wait) {
        release_barrier();
      } else if (!progress) {
        deadlock();
      }
    }
    compare_with_other_blocks();
  } catch (BlockStopped const&) {}  // the finding has been noted
}

// All threads that have not exited wait.
void Block::release_barrier() {
  Warp* first = nullptr;
  Instruction const* barrier = nullptr;
  u64 waiting = 0, votes = 0;
  for (Warp& warp : warps) {
    each_lane(warp.at_barrier, [&](int lane) {
      ++waiting;
      Instruction const& i =
          kernel.code[static_cast<std::size_t>(warp.pc[static_cast<std::size_t>(lane)])];
      if (barrier == nullptr) {
        barrier = &i;
        first = &warp;
      } else if (barrier != &i) {
        find(Check::barrier_divergence, warp, i, lane, [&] {
          return "other threads of the block wait at the barrier in PTX line " +
                 std::to_string(barrier->line) + " (" + kernel.source->place(barrier->location) +
                 ") meanwhile";
        });
      }
      if (i.variant != 0) { votes += warp.predicate(i.from[0]) >> lane & 1; }
    });
  }
  if (waiting != threads) {
    find(Check::barrier_divergence, *first, *barrier, first_lane(first->at_barrier), [&] {
      return std::to_string(waiting) + " of " + std::to_string(threads) +
             " threads wait at a barrier, the others have exited";
    });
  }
  for (Warp& warp : warps) {
    each_lane(warp.at_barrier, [&](int lane) {
      int& pc = warp.pc[static_cast<std::size_t>(lane)];
      Instruction const& i = kernel.code[static_cast<std::size_t>(pc++)];
      switch (i.variant) {
        case 1:
          warp.set_predicate(i.to[0], Lanes(1) << lane, votes == waiting ? kAllLanes : 0);
          break;
        case 2:
          warp.set_predicate(i.to[0], Lanes(1) << lane, votes != 0 ? kAllLanes : 0);
          break;
        case 3:
          warp.set_value(i.to[0], lane, votes);
          break;
        default:
          break;
      }
    });
    warp.at_barrier = 0;
  }
  shared.races.barrier();
}

void Block::deadlock() {
  std::string where;
  Warp* guilty = nullptr;
  int shown = 0;
  for (Warp& warp : warps) {
    std::array<bool, 2> told{};
    each_lane(warp.alive, [&](int lane) {
      bool const waits = (warp.at_barrier >> lane & 1) != 0;
      if (!waits) { guilty = &warp; }
      if (told[waits] || shown >= 6) { return; }
      told[waits] = true;
      ++shown;
      Instruction const& i =
          kernel.code[static_cast<std::size_t>(warp.pc[static_cast<std::size_t>(lane)])];
      where += (where.empty() ? "" : "; ") +
               ("thread " + std::to_string(warp.index * kWarpSize + lane)) + " waits at PTX line " +
               std::to_string(i.line) + ": " + i.text;
    });
  }
  // Threads that wait for others of their warp, while those wait at a barrier or have another mask.
  Warp& warp = guilty != nullptr ? *guilty : warps.front();
  int const lane =
      first_lane((warp.alive & ~warp.at_barrier) != 0 ? warp.alive & ~warp.at_barrier : warp.alive);
  Instruction const& i =
      kernel.code[static_cast<std::size_t>(warp.pc[static_cast<std::size_t>(lane)])];
  stop(Check::deadlock, warp, i, lane, [&] { return "no thread can go on: " + where; });
}

void Block::compare_with_other_blocks() {
  for (BlockConflict const& c : launch.accesses.merge(accesses, number)) {
    Instruction const& mine = kernel.code[static_cast<std::size_t>(c.instruction)];
    Instruction const& other = kernel.code[static_cast<std::size_t>(c.other_instruction)];
    Finding finding;
    finding.check = Check::global_race;
    finding.what = "block " + text_of(index) + (c.wrote ? " writes" : " reads") + " and block " +
                   text_of(coordinates(c.other_block, launch.grid)) +
                   (c.other_wrote ? " writes" : " reads") + " the same bytes" +
                   (c.atomic ? ", not both atomically" : "") + ", " +
                   DeviceMemory::get().describe(DeviceMemory::get().address_of(c.offset), 1);
    finding.kernel = kernel.name;
    finding.block_index = number;
    finding.instruction = c.instruction;
    finding.where = "PTX line " + std::to_string(mine.line) + " (" +
                    kernel.source->place(mine.location) + "): " + mine.text + ", and PTX line " +
                    std::to_string(other.line) + " (" + kernel.source->place(other.location) +
                    "): " + other.text;
    findings.push_back(std::move(finding));
  }
}

bool Block::known(Check check, int instruction) {
  for (std::size_t f = first_finding_; f < findings.size(); ++f) {
    if (findings[f].check == check && findings[f].instruction == instruction) {
      ++findings[f].times;
      return true;
    }
  }
  return false;
}

void Block::note(Check check, Warp const& warp, Instruction const& i, int lane, std::string text) {
  Finding finding;
  finding.check = check;
  finding.what = std::move(text);
  finding.kernel = kernel.name;
  finding.block_index = number;
  finding.instruction = warp.index_of(i);
  Dim3 const thread =
      coordinates(static_cast<u64>(warp.index) * kWarpSize + static_cast<u64>(lane), launch.block);
  finding.where = "block " + text_of(index) + ", thread " + text_of(thread) + ", PTX line " +
                  std::to_string(i.line) + " (" + kernel.source->place(i.location) + "): " + i.text;
  findings.push_back(std::move(finding));
}

}  // namespace emulator
