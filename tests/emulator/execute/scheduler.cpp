// Which lanes of a warp run next: those furthest behind, so that lanes that parted meet again; or,
// as independent thread scheduling allows, any of them.
#include "tests/emulator/execute/warp.hpp"
#include "tests/emulator/settings.hpp"

#include <algorithm>
#include <bit>

namespace emulator {
namespace {

constexpr int kNowhere = std::numeric_limits<int>::max();

/// Lanes at one place, and how far they may go before others could join them.
struct Group {
  Lanes lanes = 0;
  int pc = 0;
  int limit = kNowhere;
};

class WarpRun {
 public:
  WarpRun(Warp& warp, u64 budget)
      : w_(warp), kernel_(warp.block.kernel), code_(kernel_.code), budget_(budget) {}

  bool run() {
    bool progress = false;
    while (budget_ > 0) {
      Group const group = independent_ ? any_group() : hindmost_group();
      if (group.lanes == 0) { break; }
      progress |= run_group(group);
    }
    return progress;
  }

 private:
  Lanes runnable() const { return w_.alive & ~w_.at_barrier; }
  int& pc(int lane) { return w_.pc[static_cast<std::size_t>(lane)]; }
  Instruction const& at(int index) const { return code_[static_cast<std::size_t>(index)]; }

  Group hindmost_group() {
    Group group;
    group.pc = kNowhere;
    each_lane(runnable() & ~stuck_, [&](int lane) { group.pc = std::min(group.pc, pc(lane)); });
    if (group.pc == kNowhere) { return {}; }
    each_lane(runnable(), [&](int lane) {
      if (pc(lane) == group.pc) {
        group.lanes |= Lanes(1) << lane;
      } else if (pc(lane) > group.pc) {
        group.limit = std::min(group.limit, pc(lane));
      }
    });
    return group;
  }

  // A random subset of the lanes at a random place; whole groups at instructions that synchronise.
  Group any_group() {
    Lanes const candidates = runnable() & ~stuck_;
    if (candidates == 0) { return {}; }
    Random& random = w_.block.random;
    int chosen = 0;
    do {
      chosen = static_cast<int>(random.below(kWarpSize));
    } while ((candidates >> chosen & 1) == 0);
    Group group;
    group.pc = pc(chosen);
    each_lane(runnable(), [&](int lane) {
      if (pc(lane) == group.pc) { group.lanes |= Lanes(1) << lane; }
    });
    auto synchronises = [&](int index) {
      return at(index).control == Control::warp_sync || at(index).control == Control::barrier;
    };
    if (!synchronises(group.pc)) {
      group.lanes &= static_cast<Lanes>(random.next()) | Lanes(1) << chosen;
    }
    group.limit =
        std::min(group.pc + 1 + static_cast<int>(random.below(8)), static_cast<int>(code_.size()));
    for (int next = group.pc + 1; next < group.limit; ++next) {
      if (synchronises(next)) { group.limit = next; }
    }
    return group;
  }

  Lanes active(Instruction const& i, Lanes lanes) const {
    if (i.guard == Slot::kNone) { return lanes; }
    return lanes & (i.guard_negated ? ~w_.words[i.guard] : w_.words[i.guard]);
  }

  void count(int index, Lanes lanes) {
    InstructionCounter& counter = w_.block.counters[static_cast<std::size_t>(index)];
    ++counter.warps;
    counter.threads += static_cast<u64>(std::popcount(lanes));
    --budget_;
    if (++w_.steps > step_limit_) {
      w_.block.stop(Check::step_limit, w_, at(index), first_lane(lanes != 0 ? lanes : w_.alive),
                    [] {
                      return "a warp has executed " + std::to_string(settings().step_limit) +
                             " instructions (JETCAL_EMULATOR_STEPS): an endless loop?";
                    });
    }
  }

  /// Whether the lanes a synchronising instruction names are all here.
  bool complete(Instruction const& i, Lanes lanes) {
    Lanes wanted = kAllLanes;
    if (i.sync_operand >= 0) {
      Slot const mask = i.from[static_cast<std::size_t>(i.sync_operand)];
      wanted = static_cast<Lanes>(w_.value(mask, first_lane(lanes)));
      each_lane(lanes, [&](int lane) {
        Lanes const own = static_cast<Lanes>(w_.value(mask, lane));
        if ((own >> lane & 1) == 0) {
          w_.block.stop(Check::warp_sync, w_, i, lane,
                        [] { return "the thread is not in its own mask"; });
        }
        wanted |= own;
      });
    }
    if (Lanes const gone = wanted & ~w_.alive; gone != 0) {
      w_.block.stop(Check::warp_sync, w_, i, first_lane(lanes), [&] {
        return std::string(i.sync_operand < 0 ? "all lanes of the warp must execute it, but lane "
                                              : "its mask names lane ") +
               std::to_string(first_lane(gone)) + ", which has exited or never existed";
      });
    }
    return (wanted & ~lanes) == 0;
  }

  /// True if at least one instruction was executed.
  bool run_group(Group group) {
    bool progress = false;
    int next = group.pc;
    while (next < group.limit && budget_ > 0) {
      Instruction const& i = at(next);
      w_.current = &i;
      Lanes const lanes = active(i, group.lanes);
      if (i.control == Control::warp_sync && lanes != 0 && !complete(i, lanes)) {
        stuck_ |= group.lanes;
        break;
      }
      stuck_ &= ~group.lanes;
      count(next, lanes);
      progress = true;
      if (i.control == Control::none || i.control == Control::warp_sync) {
        if (lanes != 0) { i.run(w_, i, lanes); }
        ++next;
        continue;
      }
      if (i.control == Control::branch && lanes == group.lanes) {
        next = i.target;
        if (group.limit != kNowhere) { break; }
        continue;
      }
      if (lanes == 0) {
        ++next;
        continue;
      }
      leave(i, group.lanes, lanes, next);
      return progress;
    }
    each_lane(group.lanes, [&](int lane) { pc(lane) = next; });
    return progress;
  }

  /// Some lanes of the group go elsewhere, wait or end; the others go on behind the instruction.
  void leave(Instruction const& i, Lanes group, Lanes lanes, int index) {
    each_lane(group & ~lanes, [&](int lane) { pc(lane) = index + 1; });
    switch (i.control) {
      case Control::branch:
        each_lane(lanes, [&](int lane) { pc(lane) = i.target; });
        break;
      case Control::indexed:
        each_lane(lanes, [&](int lane) {
          u64 const which = w_.value(i.from[0], lane);
          if (which >= i.targets.size()) {
            w_.block.stop(Check::out_of_bounds, w_, i, lane,
                          [] { return "the branch index is too large"; });
          }
          pc(lane) = i.targets[which];
        });
        break;
      case Control::exit:
        w_.alive &= ~lanes;
        break;
      case Control::barrier:
        each_lane(lanes, [&](int lane) { pc(lane) = index; });
        w_.at_barrier |= lanes;
        break;
      default:
        break;
    }
  }

  Warp& w_;
  Kernel const& kernel_;
  std::vector<Instruction> const& code_;
  u64 budget_;
  u64 const step_limit_ = settings().step_limit;
  bool const independent_ = settings().independent;
  Lanes stuck_ = 0;  ///< lanes that wait for other lanes of the warp
};

}  // namespace

bool run_warp(Warp& warp, u64 budget) { return WarpRun(warp, budget).run(); }

}  // namespace emulator
