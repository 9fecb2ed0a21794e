#pragma once

#include <functional>
#include <optional>
#include <vector>

namespace jetcal::validate::standard {

/// Values at equal steps of x, linear between them, constant beyond the outermost.
struct Table {
  double first = 0;  ///< x of values[0]
  double step = 1;
  std::vector<double> values;  ///< at least one

  double last() const { return first + step * static_cast<double>(values.size() - 1); }
  double operator()(double x) const;
};

/// A response R that multiplies a true quantity X to the most probable reconstructed one, as a
/// function of x = ln X between `low` and `high`; constant beyond them.
struct Response {
  std::function<double(double)> at;
  double low = 0;
  double high = 0;
};

/// The lowest x from which on x + ln R(x), the logarithm of the reconstructed quantity, rises with
/// at least `slope` everywhere up to `high` (looked at in 1000 steps); nothing if it does not even
/// at the end or if R is not above 0 there.
std::optional<double> rises_from(Response const& response, double slope);

/// Numerical inversion: the response against the reconstructed quantity, R'(x + ln R(x)) = R(x), at
/// `nodes` equal steps from the reconstructed `low` to the reconstructed `high`.
///
/// Source    arXiv:2311.08885, section 3, Eq. (2)
/// Accuracy  exact at the nodes, to 1e-12 in x
/// Errors    Error unless x + ln R(x) rises from low to high and there are two nodes or more
Table invert(Response const& response, int nodes);

/// The same at given nodes; constant beyond the reconstructed `low` and `high`.
Table invert(Response const& response, double first, double step, int nodes);

}  // namespace jetcal::validate::standard
