#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jetcal::validate {

/// The word of a value in a list of words, empty if it is not in it.
template <class E>
std::string_view word_of(E value, std::vector<std::pair<std::string, E>> const& words) {
  for (auto const& [word, known] : words) {
    if (known == value) { return word; }
  }
  return "";
}

/// What is calibrated.
enum class Variable { energy, mass };
inline constexpr int kVariables = 2;

/// "energy", "mass".
std::string_view name(Variable variable);

/// What jets are binned in: true values, and the pile-up of their event.
enum class Quantity { pt_true, eta_true, abs_eta_true, energy_true, mass_true, npv, mu };

/// "pt_true", "eta_true", ...: how settings and results name it.
std::string_view name(Quantity quantity);
std::vector<std::pair<std::string, Quantity>> const& quantity_names();

/// "GeV" or "1".
std::string_view unit(Quantity quantity);

/// lo <= value < hi.
struct Range {
  double lo = 0;
  double hi = 0;

  bool holds(double value) const { return value >= lo && value < hi; }
};

/// Bins of a quantity: bin b holds edges[b] <= value < edges[b + 1].
struct Axis {
  Quantity quantity = Quantity::pt_true;
  std::vector<double> edges;

  int bins() const { return static_cast<int>(edges.size()) - 1; }
  Range bin(int b) const {
    return {edges[static_cast<std::size_t>(b)], edges[static_cast<std::size_t>(b) + 1]};
  }
  /// -1 below the first edge or nan, bins() from the last edge on.
  int index(double value) const;

  /// Errors: ConfigError, beginning with `where`, for fewer than two edges or edges that are not
  /// finite or do not rise.
  void require_valid(std::string const& where) const;
};

}  // namespace jetcal::validate
