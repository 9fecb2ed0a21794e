#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "validate/standard/derive.hpp"
#include "validate/standard/p_spline.hpp"

namespace jetcal::validate::standard {
namespace {

// E R(E) must rise at least like E^0.05 to be inverted.
constexpr double kLeastSlope = 0.05;
// Errors of modes below this, of exact responses, would make a spline of one point.
constexpr double kLeastError = 1e-6;

struct Fit {
  EnergyScale::Bin bin;
  std::vector<OwnBin> bins;
};

double calibrated_response(EnergyScale::Bin const& bin, Jet const& jet) {
  double const energy = jet.energy;
  return energy / bin.response(energy) / static_cast<double>(jet.true_energy);
}

// One bin of eta.
class Fitter {
 public:
  Fitter(std::span<Jet> jets, double eta_low, double eta_high, Settings const& settings)
      : jets_(jets), settings_(settings), eta_(0.5 * (eta_low + eta_high)) {
    where_ = fmt::format("fit-standard: eta {:g} to {:g}", eta_low, eta_high);
    std::sort(jets.begin(), jets.end(),
              [](Jet const& a, Jet const& b) { return a.true_energy < b.true_energy; });
    std::vector<double> x(jets.size());
    for (std::size_t i = 0; i < jets.size(); ++i) {
      x[i] = std::log(static_cast<double>(jets[i].true_energy));
    }
    std::vector<double> edges;
    for (double const e : settings.energy.edges_gev) { edges.push_back(std::log(e)); }
    for (Bin const& bin :
         rising_bins(x, edges, settings.energy.log_step, settings.energy.min_jets)) {
      ModeEstimate const mode = mode_in(bin, settings.mode, [&](std::int64_t i) {
        Jet const& jet = jets_[static_cast<std::size_t>(i)];
        return static_cast<double>(jet.energy) / static_cast<double>(jet.true_energy);
      });
      if (!(mode.mode > 0)) { continue; }
      double sum = 0;
      for (std::int64_t i = bin.begin; i < bin.end; ++i) {
        sum += static_cast<double>(jets_[static_cast<std::size_t>(i)].true_energy);
      }
      bins_.push_back(bin);
      points_.push_back({std::log(sum / static_cast<double>(bin.jets())), mode.mode,
                         std::max(mode.error, kLeastError)});
      own_.push_back({eta_low, eta_high, std::exp(bin.low), std::exp(bin.high), NAN, NAN,
                      bin.jets(), mode.mode, mode.error, NAN});
    }
  }

  std::optional<Fit> fit() {
    if (points_.empty()) { return std::nullopt; }
    EnergySettings const& s = settings_.energy;
    auto const intervals = static_cast<int>(s.spline_intervals);
    double penalty =
        rising_penalty(s.penalty ? *s.penalty : cross_validated_penalty(points_, intervals));
    std::optional<Fit> best;
    double least = 0;
    for (std::int64_t i = 0; i <= s.iterations; ++i) {
      PSpline const spline(points_, intervals, penalty);
      if (best && rises(spline) != spline.low()) {
        penalty *= 32;  // a refinement that cannot be inverted follows noise
        continue;
      }
      Fit now = with_curve(spline);
      double worst = 0;
      for (OwnBin const& bin : now.bins) { worst = std::max(worst, std::abs(bin.after - 1)); }
      if (!best || worst < least) {
        best = now;
        least = worst;
      }
      if (worst <= s.closure) { break; }
      for (std::size_t b = 0; b < points_.size(); ++b) { points_[b].y *= now.bins[b].after; }
      penalty *= 0.25;
    }
    return best;
  }

 private:
  static Response response(PSpline const& spline) {
    return {[&](double x) { return spline(x); }, spline.low(), spline.high()};
  }

  static std::optional<double> rises(PSpline const& spline) {
    return rises_from(response(spline), kLeastSlope);
  }

  // The penalty, or a larger one if with it E R(E) falls somewhere and the points, within five of
  // their errors, allow for a curve that rises.
  double rising_penalty(double penalty) const {
    auto const intervals = static_cast<int>(settings_.energy.spline_intervals);
    PSpline const first(points_, intervals, penalty);
    if (rises(first) == first.low()) { return penalty; }
    for (double stiffer = 10 * penalty; stiffer < 1e7; stiffer *= 10) {
      PSpline const spline(points_, intervals, stiffer);
      if (rises(spline) != spline.low()) { continue; }
      bool near = true;
      for (Point const& p : points_) { near = near && std::abs(p.y - spline(p.x)) < 5 * p.error; }
      if (near) { return stiffer; }
    }
    double const bad = rises(first).value_or(first.high());
    throw DataError(where_ + ": E R(E) falls near E = " + fmt::format("{:.4g}", std::exp(bad)) +
                    " GeV, where R is " + fmt::format("{:.4g}", first(bad)) +
                    " (it must rise to be inverted). Check the fields, or use wider bins of E "
                    "(energy.log_step)");
  }

  Fit with_curve(PSpline const& spline) const {
    Fit fit{with_low_energies(invert(response(spline), static_cast<int>(settings_.energy.nodes)),
                              eta_, settings_.energy, where_),
            own_};
    for (std::size_t b = 0; b < bins_.size(); ++b) {
      ModeEstimate const mode = mode_in(bins_[b], settings_.mode, [&](std::int64_t i) {
        return calibrated_response(fit.bin, jets_[static_cast<std::size_t>(i)]);
      });
      fit.bins[b].after = mode.mode;
    }
    return fit;
  }

  std::span<Jet const> jets_;
  Settings const& settings_;
  double eta_;
  std::string where_;
  std::vector<Bin> bins_;
  std::vector<Point> points_;
  std::vector<OwnBin> own_;
};

}  // namespace

std::vector<double> eta_edges(EnergySettings const& settings) {
  auto const n = std::llround(settings.eta_max / settings.eta_step);
  std::vector<double> edges;
  for (auto i = settings.signed_eta ? -n : 0; i <= n; ++i) {
    edges.push_back(settings.eta_max * static_cast<double>(i) / static_cast<double>(n));
  }
  return edges;
}

DerivedEnergyScale derive_energy_scale(JetGroups& groups, Settings const& settings,
                                       ThreadPool& threads) {
  std::vector<double> const edges = eta_edges(settings.energy);
  std::vector<std::optional<Fit>> fits(edges.size() - 1);
  threads.run(groups.size(), [&](std::int64_t g, int) {
    auto const b = static_cast<std::size_t>(g);
    fits[b] = Fitter(groups[g], edges[b], edges[b + 1], settings).fit();
  });
  std::vector<EnergyScale::Bin> bins;
  std::vector<OwnBin> own;
  std::vector<std::int64_t> made_from;
  auto const n = static_cast<std::int64_t>(fits.size());
  for (std::int64_t b = 0; b < n; ++b) {
    std::int64_t from = -1;
    // The nearest bin; of two, the one nearer to eta = 0.
    for (std::int64_t c = 0; c < n; ++c) {
      if (!fits[static_cast<std::size_t>(c)]) { continue; }
      auto const centre = [&](std::int64_t i) {
        return std::abs(edges[static_cast<std::size_t>(i)] +
                        edges[static_cast<std::size_t>(i) + 1]);
      };
      std::int64_t const now = std::abs(b - c), least = std::abs(b - from);
      if (from < 0 || now < least || (now == least && centre(c) < centre(from))) { from = c; }
    }
    JETCAL_REQUIRE(from >= 0, DataError,
                   "fit-standard: no bin of eta has " << settings.energy.min_jets
                                                      << " jets with a response "
                                                         "(energy.min_jets; at least one must)");
    Fit const& fit = *fits[static_cast<std::size_t>(from)];
    bins.push_back(fit.bin);
    made_from.push_back(from);
    if (from == b) { own.insert(own.end(), fit.bins.begin(), fit.bins.end()); }
  }
  return {EnergyScale(edges, settings.energy.signed_eta, std::move(bins), "fit-standard"),
          std::move(own), std::move(made_from)};
}

}  // namespace jetcal::validate::standard
