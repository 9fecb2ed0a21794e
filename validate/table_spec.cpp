#include "validate/table_spec.hpp"

#include <limits>

#include "engine/errors.hpp"

namespace jetcal::validate {

std::vector<std::pair<std::string, Test>> const& test_names() {
  static std::vector<std::pair<std::string, Test>> const names = {
      {"slices", Test::slices}, {"topologies", Test::topologies}, {"flavours", Test::flavours},
      {"pileup", Test::pileup}, {"spectrum", Test::spectrum},     {"samples", Test::samples},
      {"widths", Test::widths}, {"importance", Test::importance}};
  return names;
}

std::string_view name(Test test) { return word_of(test, test_names()); }

std::string_view name(Label label) {
  switch (label) {
    case Label::none:
      return "none";
    case Label::topology:
      return "topology";
    case Label::flavour:
      return "flavour";
  }
  return "";
}

std::int64_t TableSpec::cells() const {
  std::int64_t n = 1;
  for (Axis const& axis : axes) { n *= axis.bins(); }
  return n;
}

std::vector<Range> TableSpec::range(std::int64_t cell) const {
  std::vector<Range> out(axes.size());
  for (std::size_t a = axes.size(); a-- > 0;) {
    out[a] = axes[a].bin(static_cast<int>(cell % axes[a].bins()));
    cell /= axes[a].bins();
  }
  return out;
}

void TableSpec::require_valid() const {
  std::string const where = "validation table '" + name + "'";
  JETCAL_REQUIRE(!name.empty(), ConfigError, "validation: a table has no name (needs one)");
  JETCAL_REQUIRE(!axes.empty(), ConfigError, where << ": has no axes (needs at least one)");
  JETCAL_REQUIRE(!groups.empty(), ConfigError, where << ": has no jets (needs a group of them)");
  for (Axis const& axis : axes) { axis.require_valid(where); }
  JETCAL_REQUIRE(
      cells() <= std::numeric_limits<std::int32_t>::max() / 2, ConfigError,
      where << ": has " << cells() << " cells (must be fewer than 2^30). Use wider bins");
}

}  // namespace jetcal::validate
