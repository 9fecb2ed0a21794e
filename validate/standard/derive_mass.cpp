#include <algorithm>
#include <cmath>

#include "validate/standard/derive.hpp"
#include "validate/standard/p_spline.hpp"

namespace jetcal::validate::standard {
namespace {

// m R(m) must rise at least like m^0.1 to be inverted.
constexpr double kLeastSlope = 0.1;
constexpr double kLeastError = 1e-6;

double ratio(Jet const& jet) {
  return static_cast<double>(jet.true_mass) / static_cast<double>(jet.true_energy);
}

double mass_response(Jet const& jet) {
  return static_cast<double>(jet.mass) / static_cast<double>(jet.true_mass);
}

// The bins of one bin of E and |eta|.
struct Line {
  std::vector<Bin> bins;
  std::vector<Point> points;
  std::vector<OwnBin> own;
  double penalty = 0;
};

// Its curve against the true ln(m / E), from where it can be inverted on.
struct Curve {
  PSpline spline;
  double low;

  Response response() const {
    return {[this](double x) { return spline(x); }, low, spline.high()};
  }
  double reconstructed(double x) const { return x + std::log(spline(x)); }
};

class Deriver {
 public:
  Deriver(std::vector<Jet> jets, Settings const& settings, ThreadPool& threads)
      : settings_(settings), mass_(settings.mass), threads_(threads) {
    make_energy_bins(jets);
    auto const n_eta = static_cast<std::int64_t>(mass_.abs_eta_edges.size()) - 1;
    groups_ = grouped(
        std::move(jets), static_cast<std::int64_t>(energy_bins_.size()) * n_eta,
        [&](Jet const& jet) {
          auto const e = energy_bin(jet);
          auto const k = bin_in(mass_.abs_eta_edges, std::abs(static_cast<double>(jet.eta)));
          return e < 0 || k < 0 || !(jet.true_mass >= mass_.min_true_mass_gev) || !(jet.mass > 0)
                     ? -1
                     : e * n_eta + k;
        });
    lines_.resize(static_cast<std::size_t>(groups_.size()));
    threads_.run(groups_.size(), [&](std::int64_t g, int) { measure(g); });
    axes_.max_abs_eta = mass_.abs_eta_edges.back();
    for (std::int64_t k = 0; k < n_eta; ++k) {
      auto const i = static_cast<std::size_t>(k);
      axes_.abs_eta.push_back(0.5 * (mass_.abs_eta_edges[i] + mass_.abs_eta_edges[i + 1]));
    }
  }

  DerivedMassScale derive() {
    std::optional<DerivedMassScale> best;
    double least = 0;
    for (std::int64_t i = 0; i <= mass_.iterations; ++i) {
      DerivedMassScale now = with_points();
      double sum = 0, worst = 0;
      for (OwnBin const& bin : now.bins) {
        sum += std::pow((bin.after - 1) / std::max(bin.error, kLeastError), 2);
        worst = std::max(worst, std::abs(bin.after - 1));
      }
      if (!best || sum < least) {
        best = now;
        least = sum;
      }
      if (worst <= mass_.closure) { break; }
      std::size_t b = 0;
      for (Line& line : lines_) {
        for (Point& point : line.points) { point.y *= std::clamp(now.bins[b++].after, 0.8, 1.25); }
      }
    }
    return *std::move(best);
  }

 private:
  void make_energy_bins(std::vector<Jet> const& jets) {
    std::vector<double> x;
    x.reserve(jets.size());
    for (Jet const& jet : jets) { x.push_back(std::log(static_cast<double>(jet.true_energy))); }
    std::sort(x.begin(), x.end());
    std::vector<double> edges;
    for (double const e : mass_.energy_edges_gev) { edges.push_back(std::log(e)); }
    energy_bins_ = rising_bins(x, edges, mass_.energy_log_step, 4 * mass_.min_jets);
    JETCAL_REQUIRE(!energy_bins_.empty(), DataError,
                   "fit-standard: " << jets.size() << " jets do not fill a bin of E for the mass "
                                    << "(at least " << 4 * mass_.min_jets << ": mass.min_jets)");
    for (Bin const& bin : energy_bins_) {
      double sum = 0;
      for (std::int64_t i = bin.begin; i < bin.end; ++i) { sum += x[static_cast<std::size_t>(i)]; }
      axes_.log_energy.push_back(sum / static_cast<double>(bin.jets()));
    }
  }

  std::int64_t energy_bin(Jet const& jet) const {
    double const x = std::log(static_cast<double>(jet.true_energy));
    for (std::size_t b = 0; b < energy_bins_.size(); ++b) {
      if (energy_bins_[b].low <= x && x < energy_bins_[b].high) {
        return static_cast<std::int64_t>(b);
      }
    }
    return -1;
  }

  void measure(std::int64_t g) {
    std::span<Jet> const jets = groups_[g];
    std::sort(jets.begin(), jets.end(),
              [](Jet const& a, Jet const& b) { return ratio(a) < ratio(b); });
    std::vector<double> x;
    for (Jet const& jet : jets) { x.push_back(std::log(ratio(jet))); }
    Line& line = lines_[static_cast<std::size_t>(g)];
    auto const n_eta = mass_.abs_eta_edges.size() - 1;
    Bin const& energy = energy_bins_[static_cast<std::size_t>(g) / n_eta];
    double const* const eta = &mass_.abs_eta_edges[static_cast<std::size_t>(g) % n_eta];
    for (Bin const& bin : rising_bins(x, {}, mass_.ratio_log_step, mass_.min_jets)) {
      ModeEstimate const mode = mode_in(bin, settings_.mode, [&](std::int64_t i) {
        return mass_response(jets[static_cast<std::size_t>(i)]);
      });
      if (!(mode.mode > 0)) { continue; }
      double sum = 0;
      for (std::int64_t i = bin.begin; i < bin.end; ++i) { sum += x[static_cast<std::size_t>(i)]; }
      line.bins.push_back(bin);
      line.points.push_back(
          {sum / static_cast<double>(bin.jets()), mode.mode, std::max(mode.error, kLeastError)});
      line.own.push_back({eta[0], eta[1], std::exp(energy.low), std::exp(energy.high),
                          std::exp(bin.low), std::exp(bin.high), bin.jets(), mode.mode, mode.error,
                          NAN});
    }
    if (line.points.empty()) { return; }
    line.penalty =
        mass_.penalty ? *mass_.penalty : cross_validated_penalty(line.points, intervals());
  }

  int intervals() const { return static_cast<int>(mass_.spline_intervals); }

  // The line itself, or the nearest in E of those at the same |eta|, or at the nearest |eta|.
  std::size_t source_of(std::size_t line, std::vector<std::optional<Curve>> const& curves) const {
    auto const n_eta = static_cast<std::ptrdiff_t>(axes_.abs_eta.size());
    auto const distance = [&](std::size_t other) {
      auto const a = static_cast<std::ptrdiff_t>(line), b = static_cast<std::ptrdiff_t>(other);
      return std::pair(std::abs(a % n_eta - b % n_eta), std::abs(a / n_eta - b / n_eta));
    };
    std::size_t best = curves.size();
    for (std::size_t i = 0; i < curves.size(); ++i) {
      if (curves[i] && (best == curves.size() || distance(i) < distance(best))) { best = i; }
    }
    JETCAL_REQUIRE(best < curves.size(), DataError,
                   "fit-standard: no bin of E and eta has "
                       << mass_.min_jets << " jets of a mass above " << mass_.min_true_mass_gev
                       << " GeV (mass.min_jets, mass.min_true_mass; at least one must)");
    return best;
  }

  std::optional<Curve> curve_of(Line const& line) const {
    if (line.points.empty()) { return std::nullopt; }
    Curve curve{PSpline(line.points, intervals(), line.penalty), 0};
    curve.low = curve.spline.low();
    auto const from = rises_from(curve.response(), kLeastSlope);
    if (!from) { return std::nullopt; }
    curve.low = *from;
    return curve;
  }

  DerivedMassScale with_points() {
    std::vector<std::optional<Curve>> curves;
    double low = INFINITY, high = -INFINITY;
    std::int64_t filled = 0, shortened = 0;
    for (Line const& line : lines_) {
      auto const& curve = curves.emplace_back(curve_of(line));
      if (!curve) { continue; }
      shortened += curve->low > curve->spline.low() ? 1 : 0;
      low = std::min(low, curve->reconstructed(curve->low));
      high = std::max(high, curve->reconstructed(curve->spline.high()));
    }
    std::vector<std::size_t> sources(curves.size());
    for (std::size_t i = 0; i < curves.size(); ++i) { sources[i] = source_of(i, curves); }
    double const first = std::floor(low / mass_.node_step) * mass_.node_step;
    auto const nodes = static_cast<int>(std::ceil((high - first) / mass_.node_step - 1e-9)) + 1;
    axes_.log_ratio.clear();
    for (int j = 0; j < nodes; ++j) { axes_.log_ratio.push_back(first + j * mass_.node_step); }
    std::size_t const n_eta = axes_.abs_eta.size();
    std::vector<double> responses(lines_.size() * axes_.log_ratio.size());
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      filled += sources[i] != i ? 1 : 0;
      Table const table =
          invert(curves[sources[i]]->response(), first, mass_.node_step, std::max(nodes, 2));
      for (std::size_t j = 0; j < axes_.log_ratio.size(); ++j) {
        responses[(i / n_eta * axes_.log_ratio.size() + j) * n_eta + i % n_eta] = table.values[j];
      }
    }
    DerivedMassScale derived{MassScale(axes_, std::move(responses), "fit-standard"),
                             {},
                             groups_.size(),
                             filled,
                             shortened};
    threads_.run(groups_.size(), [&](std::int64_t g, int) { close(g, derived.scale); });
    for (Line const& line : lines_) {
      derived.bins.insert(derived.bins.end(), line.own.begin(), line.own.end());
    }
    return derived;
  }

  void close(std::int64_t g, MassScale const& scale) {
    std::span<Jet const> const jets = groups_[g];
    Line& line = lines_[static_cast<std::size_t>(g)];
    for (std::size_t b = 0; b < line.bins.size(); ++b) {
      line.own[b].after = mode_in(line.bins[b], settings_.mode, [&](std::int64_t i) {
                            Jet const& jet = jets[static_cast<std::size_t>(i)];
                            double const energy = jet.energy, mass = jet.mass;
                            double const response =
                                scale.response(energy, mass, static_cast<double>(jet.eta));
                            return mass_response(jet) / (mass / response > energy ? 1 : response);
                          }).mode;
    }
  }

  Settings const& settings_;
  MassSettings const& mass_;
  ThreadPool& threads_;
  std::vector<Bin> energy_bins_;
  MassScale::Axes axes_;
  JetGroups groups_;
  std::vector<Line> lines_;
};

}  // namespace

DerivedMassScale derive_mass_scale(std::vector<Jet> jets, Settings const& settings,
                                   ThreadPool& threads) {
  return Deriver(std::move(jets), settings, threads).derive();
}

}  // namespace jetcal::validate::standard
