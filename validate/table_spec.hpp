#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "validate/quantity.hpp"

namespace jetcal::validate {

/// The tests of arXiv:2311.08885, section 6, beside the closure, which is always made.
enum class Test {
  slices,      ///< response and resolution against one true quantity in slices of others
  topologies,  ///< W/Z, top and Higgs jets in windows of their mass (section 6.2.3)
  flavours,    ///< light quarks, b quarks, gluons (6.3.3)
  pileup,      ///< slopes of the mode against NPV and mu (6.3.2)
  spectrum,    ///< jets reweighted to a flat energy spectrum (6.3.1)
  samples,     ///< the same jets of two generators (6.3.4)
  widths,      ///< predicted widths against those found, pulls (5.1)
  importance,  ///< what the predictions depend on (7.3)
};

/// "slices", "topologies", ...
std::vector<std::pair<std::string, Test>> const& test_names();
std::string_view name(Test test);

/// A label of a jet: a code in a field of its own.
enum class Label { none, topology, flavour };
std::string_view name(Label label);

/// Which jets of a sample go into a table, and how they count.
struct JetGroup {
  std::string name;  ///< "W/Z", "gluon"; empty: all jets
  Label label = Label::none;
  std::vector<std::int64_t> codes;  ///< of the label
  std::optional<Range> mass_true;   ///< [GeV]
  bool flat_energy = false;         ///< weighted to a flat spectrum of the true energy
};

/// A table of responses: cells of several axes, for groups of jets.
struct TableSpec {
  std::string name;  ///< "closure", "eta"
  std::vector<Axis> axes;
  std::vector<JetGroup> groups = {JetGroup{}};
  bool compare = false;  ///< differences between calibrations, from the same jets

  /// Cells, the last axis fastest.
  std::int64_t cells() const;
  std::vector<Range> range(std::int64_t cell) const;

  /// Errors: ConfigError for a table without name, axes or groups, or with wrong edges.
  void require_valid() const;
};

}  // namespace jetcal::validate
