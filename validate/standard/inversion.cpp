#include "validate/standard/inversion.hpp"

#include <algorithm>
#include <cmath>

#include "engine/errors.hpp"

namespace jetcal::validate::standard {
namespace {

double reconstructed(Response const& response, double x) { return x + std::log(response.at(x)); }

}  // namespace

double Table::operator()(double x) const {
  double const at = (x - first) / step;
  auto const last_node = static_cast<double>(values.size() - 1);
  if (!(at > 0)) { return values.front(); }
  if (at >= last_node) { return values.back(); }
  auto const i = static_cast<std::size_t>(at);
  double const t = at - static_cast<double>(i);
  return (1 - t) * values[i] + t * values[i + 1];
}

std::optional<double> rises_from(Response const& response, double slope) {
  constexpr int kSteps = 1000;
  double const step = (response.high - response.low) / kSteps;
  double above = reconstructed(response, response.high);
  if (!std::isfinite(above)) { return std::nullopt; }
  for (int i = kSteps - 1; i >= 0; --i) {
    double const here = reconstructed(response, response.low + i * step);
    if (!(above - here >= slope * step)) {
      return i == kSteps - 1 ? std::nullopt : std::optional(response.low + (i + 1) * step);
    }
    above = here;
  }
  return response.low;
}

Table invert(Response const& response, double first, double step, int nodes) {
  double const low = reconstructed(response, response.low);
  double const high = reconstructed(response, response.high);
  JETCAL_REQUIRE(nodes >= 2 && low <= high && step > 0, Error,
                 "invert: from " << low << " to " << high << " in " << nodes << " nodes of step "
                                 << step << " (the reconstructed quantity must rise)");
  Table table{first, step, {}};
  for (int i = 0; i < nodes; ++i) {
    double const wanted = first + i * step;
    // Bisection: 60 halvings leave nothing of any interval.
    double a = response.low;
    double b = response.high;
    if (wanted <= low) { b = a; }
    if (wanted >= high) { a = b; }
    for (int halving = 0; halving < 60 && a < b; ++halving) {
      double const middle = 0.5 * (a + b);
      (reconstructed(response, middle) < wanted ? a : b) = middle;
    }
    table.values.push_back(response.at(0.5 * (a + b)));
  }
  return table;
}

Table invert(Response const& response, int nodes) {
  double const first = reconstructed(response, response.low);
  double const last = reconstructed(response, response.high);
  JETCAL_REQUIRE(nodes >= 2 && first < last, Error,
                 "invert: from " << first << " to " << last << " in " << nodes
                                 << " nodes (the reconstructed quantity must rise)");
  return invert(response, first, (last - first) / (nodes - 1), nodes);
}

}  // namespace jetcal::validate::standard
