#include "data/split.hpp"

#include "engine/errors.hpp"

namespace jetcal::data {

std::string_view name(Side side) {
  switch (side) {
    case Side::training:
      return "training";
    case Side::held_out:
      return "held-out";
    case Side::all:
      break;
  }
  return "all";
}

Side side_of(std::string_view word) {
  for (Side const side : {Side::all, Side::training, Side::held_out}) {
    if (word == name(side)) { return side; }
  }
  throw ConfigError("--jets: '" + std::string(word) + "' (must be all, held-out or training)");
}

}  // namespace jetcal::data
