#pragma once

namespace jetcal {

/// Where the sums of a product's block start and end.
struct Chain {
  bool from_out = false;        ///< start at out's values instead of 0
  bool add_to_out = false;      ///< add the finished sum to out's values
  float const* bias = nullptr;  ///< added after the sum, by column
};

}  // namespace jetcal
