#include <cmath>
#include <filesystem>
#include <map>

#include "data/jet_reader.hpp"
#include "data/loader.hpp"
#include "tests/catch.hpp"

namespace jetcal::data {
namespace {

std::string const kSample = std::string(JETCAL_SAMPLE_DIR) + "/dijets_*.h5";

// The numbers are those of data/sample/README.md.
TEST_CASE("the sample is what its README says", "[sample]") {
  ShardSet const shards({kSample}, {}, "sample");
  CHECK(shards.rows() == 119999);
  REQUIRE(shards.shards().size() == 3);
  CHECK(shards.form().fields.size() == 33);
  std::int64_t bytes = 0;
  for (Shard const& shard : shards.shards()) { bytes += shard.file_bytes; }
  CHECK(bytes <= 12000000);
  for (auto const* mev : {"energy", "mass", "pt", "Split12", "Qw", "truth_energy", "truth_mass"}) {
    CHECK(shards.form().unit(mev) == "MeV");
  }
  for (auto const* one : {"eta", "D2", "truth_eta", "weight", "eventNumber"}) {
    CHECK(shards.form().unit(one) == "1");
  }
}

TEST_CASE("the sample's events are whole, its jets within the cuts", "[sample]") {
  JetReaderSetup setup;
  setup.files = {kSample};
  setup.columns = {"eventNumber", "pt", "mass", "truth_pt", "truth_mass", "truth_eta"};
  JetReader const reader(setup);
  JetBlock block;
  std::map<double, int> jets_of_event;
  bool cuts = true;
  for (std::int64_t i = 0; i < reader.blocks(); ++i) {
    reader.read(i, block);
    for (std::size_t r = 0; r < static_cast<std::size_t>(block.rows); ++r) {
      ++jets_of_event[block.columns[0][r]];
      cuts = cuts && block.columns[1][r] > 1e5 && block.columns[2][r] > 0 &&
             block.columns[3][r] > 1e5 && block.columns[4][r] > 0 &&
             std::abs(block.columns[5][r]) < 3;
    }
  }
  CHECK(cuts);
  std::size_t pairs = 0;
  for (auto const& [event, jets] : jets_of_event) {
    REQUIRE(jets <= 2);
    pairs += jets == 2 ? 1 : 0;
  }
  CHECK(20 * pairs > 11 * jets_of_event.size());
}

TEST_CASE("the sample trains: the paper's features are finite and fill [-1, 1]", "[sample]") {
  LoaderSetup setup;
  setup.data.train = {kSample};
  setup.data.validation_fraction = 0.2;
  setup.features = {{"energy", "energy", "GeV", Transform::log, 0},
                    {"mass", "mass", "GeV", Transform::log_floor, 40}};
  for (auto const* name :
       {"eta", "groomMRatio", "Width", "Split12", "Split23", "C2", "D2", "Tau21_wta", "Tau32_wta",
        "Qw", "EMFrac", "EM3Frac", "Tile0Frac", "EffNConsts", "NeutralEFrac", "ChargePTFrac",
        "ChargeMFrac", "averageMu", "NPV"}) {
    setup.features.push_back({name, name, "", Transform::none, 0});
  }
  setup.targets = {{"energy", {"energy", "truth_energy"}}, {"mass", {"mass", "truth_mass"}}};
  Loader loader(setup, std::nullopt);
  CHECK(loader.training_rows() + loader.validation_rows() == 119999);
  loader.start_epoch(0, 0, 20000, 0);
  Batch batch;
  REQUIRE(loader.next(batch));
  for (std::size_t f = 0; f < 21; ++f) {
    std::int64_t inside = 0;
    for (std::size_t r = 0; r < 20000; ++r) { inside += std::abs(batch.features[32 * r + f]) <= 1; }
    CAPTURE(setup.features[f].name, inside);
    CHECK(inside > 19800);
  }
}

}  // namespace
}  // namespace jetcal::data
