#include <set>

#include "kernels/execution.hpp"

namespace jetcal {

std::vector<Range> trained_ranges(Tape const& tape) {
  std::vector<Range> ranges;
  std::set<std::int64_t> slices;
  for (Id id = 0; id < tape.size(); ++id) {
    if (!tape[id].runs_backward) { continue; }
    std::visit(
        [&](auto const& op) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(op)>, Tape::Input>) {
            if (!op.trainable()) { return; }
            for (std::int64_t const slice : op.parameters()) { slices.insert(slice); }
          }
        },
        tape[id].op);
  }
  for (std::int64_t const slice : slices) {
    Slice const& s = tape.layout()[slice];
    if (!ranges.empty() && ranges.back().end == s.offset) {
      ranges.back().end += s.size();
    } else {
      ranges.push_back({s.offset, s.offset + s.size()});
    }
  }
  return ranges;
}

std::vector<Id> loss_entries(Tape const& tape) {
  std::vector<Id> heads;
  for (Id id = 0; id < tape.size(); ++id) {
    Head const* const head = std::get_if<Head>(&tape[id].op);
    if (head != nullptr && head->loss.has_value()) { heads.push_back(id); }
  }
  return heads;
}

void require_entries(Tape const& tape, ResponseEntries const& entries) {
  for (Id const id : entries) {
    JETCAL_REQUIRE(id >= -1 && id < tape.size(), ShapeError,
                   "Execution: response of entry " << id << " of a tape of " << tape.size()
                                                   << " (begin_responses takes the entries of the "
                                                      "tape that is evaluated)");
  }
}

}  // namespace jetcal
