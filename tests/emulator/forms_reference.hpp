// What every instruction form of programs/forms.def computes, by the host's own arithmetic.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace forms {

/// How a result is compared.
enum class Result {
  bits,         ///< bit by bit
  f32,          ///< bit by bit; a NaN must be 0x7fffffff
  f64,          ///< bit by bit; a NaN must be a NaN
  approximate,  ///< an f32 within 2 units in the last place
  half          ///< each 16 bits by themselves; a NaN must be 0x7fff
};

/// The result for operands a, b, c; none where PTX leaves it open.
using Compute =
    std::function<std::optional<std::uint64_t>(std::uint64_t, std::uint64_t, std::uint64_t)>;

struct Reference {
  Result result = Result::bits;
  Compute compute;
};

/// By name of the form.
std::map<std::string, Reference> references();

}  // namespace forms
