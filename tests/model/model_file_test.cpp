#include "model/model_file.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "engine/sealed_file.hpp"
#include "model/config_schema.hpp"
#include "model/network.hpp"
#include "tests/catch.hpp"
#include "tests/damage.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"

using namespace jetcal;
using namespace jetcal::model;
using jetcal::test::error_text;
using jetcal::test::has;
using jetcal::test::ScratchFolder;

namespace {

// A network with widths that are padded in the arena, and a recipe as far as a model needs one.
struct Made {
  ModelFile file;
  Network network;
  std::vector<float> arena;
};

Made make(Json model = {{"preset", "custom"}, {"core", {5, 17}}, {"fork", {3}}, {"gate", {4}}}) {
  ModelFile file;
  file.recipe = {{"features", {{{"name", "log_energy"}}, {{"name", "eta"}}}}, {"model", model}};
  file.code_version = "0.1.0 test";
  file.provenance = {{"seed", 3}};
  file.inputs = {{"log_energy", "eta"}, {"GeV", "1"}, {0.25f, -0.5f}, {0.125f, 1e-3f}};
  file.network = network_table().read(model, Place(Document{}));
  Network network(file.network, file.inputs.names);
  std::vector<float> arena = network.initial_parameters(5);
  return {std::move(file), std::move(network), std::move(arena)};
}

void write(std::filesystem::path const& path, Made const& made) {
  write_model(path, made.file, made.network.layout(), made.arena);
}

// A sealed model file with other content than write_model() would give it.
void forge(std::filesystem::path const& path, Made const& made,
           std::function<void(hdf5::Writer&)> const& normalisation,
           std::function<void(hdf5::Writer&)> const& rest, std::string const& format) {
  auto const image = hdf5::file_image(kSealBytes, [&](hdf5::Writer& root) {
    root.attribute("format", format);
    root.attribute("code_version", std::string("x"));
    root.attribute("recipe", made.file.recipe.dump());
    root.attribute("provenance", std::string("{}"));
    normalisation(root);
    rest(root);
  });
  write_sealed(path, "model", image);
}

}  // namespace

TEST_CASE("a model comes back to the bit", "[model_file]") {
  ScratchFolder const folder;
  for (Json const& shape : {Json{{"preset", "small"}}, Json{{"preset", "P1"}},
                            Json{{"preset", "custom"},
                                 {"core", Json::array()},
                                 {"fork", {1}},
                                 {"gate", Json::array()},
                                 {"outputs", 2}},
                            Json{{"heads", {"energy"}}, {"annotation", {{"enabled", false}}}}}) {
    Made made = make(shape);
    Mat const first = made.network.layout()[0].of(made.arena.data());
    first.row(0)[0] = std::numeric_limits<float>::denorm_min();
    first.row(1)[0] = -0.0f;
    write(folder / "m.h5", made);
    ModelFile const read = read_model(folder / "m.h5");
    auto const arena = to_arena(read.parameters, made.network.layout(), "m.h5");
    REQUIRE(arena.size() == made.arena.size());
    CHECK(std::memcmp(arena.data(), made.arena.data(), arena.size() * sizeof(float)) == 0);
    CHECK(read.recipe == made.file.recipe);
    CHECK(read.provenance == made.file.provenance);
    CHECK(read.code_version == "0.1.0 test");
    CHECK(read.inputs.names == made.file.inputs.names);
    CHECK(read.inputs.units == made.file.inputs.units);
    CHECK(read.inputs.scale == made.file.inputs.scale);
    CHECK(read.inputs.offset == made.file.inputs.offset);
    CHECK(read.network.core == made.file.network.core);
    CHECK(read.network.annotation.enabled == made.file.network.annotation.enabled);
  }
}

TEST_CASE("files show no padding, and a bias has one dimension", "[model_file]") {
  ScratchFolder const folder;
  Made const made = make();
  write(folder / "m.h5", made);
  hdf5::Reader const root(read_sealed(folder / "m.h5", "model"), "m.h5");
  hdf5::Reader const parameters = root.group("parameters");
  CHECK(parameters.floats("core.1.weight").dimensions == std::vector<std::int64_t>{5, 17});
  CHECK(parameters.floats("core.1.bias").dimensions == std::vector<std::int64_t>{17});
  // Row by row: h = x W + b with W [inputs, outputs].
  ConstMat const w = made.network.layout().at("core.1.weight").of(made.arena.data());
  CHECK(parameters.floats("core.1.weight").values[17 * 3 + 16] == w.row(3)[16]);
  CHECK(root.group("annotation").doubles("centres").size() == 11);
  CHECK(root.group("annotation").text_attribute("feature") == "eta");
  CHECK(root.group("annotation").integer_attribute("symmetric") == 1);
  CHECK(root.group("normalisation").texts("names") ==
        std::vector<std::string>{"log_energy", "eta"});
  write(folder / "plain.h5", make({{"preset", "small"}, {"annotation", {{"enabled", false}}}}));
  CHECK_FALSE(
      hdf5::Reader(read_sealed(folder / "plain.h5", "model"), "plain.h5").has("annotation"));
}

TEST_CASE("any arena comes back, whatever its names", "[model_file]") {
  Layout layout;
  layout.add("odd.bias", 2, 3);  // two rows: no vector
  layout.add("bias", 1, 5);
  std::vector<float> arena(static_cast<std::size_t>(layout.size()), 0.0f);
  for (Slice const& slice : layout.slices()) {
    for (std::int64_t r = 0; r < slice.rows; ++r) { slice.of(arena.data()).row(r)[2] = 7; }
  }
  auto const image =
      hdf5::file_image(0, [&](hdf5::Writer& root) { write_arena(root, layout, arena); });
  StoredMatrices const stored = read_matrices(hdf5::Reader(image, "a.h5"));
  CHECK(stored.at("odd.bias").dimensions == std::vector<std::int64_t>{2, 3});
  CHECK(to_arena(stored, layout, "a.h5") == arena);
}

TEST_CASE("equal models are equal files", "[model_file]") {
  ScratchFolder const folder;
  write(folder / "a.h5", make());
  write(folder / "b.h5", make());
  CHECK(read_bytes(folder / "a.h5") == read_bytes(folder / "b.h5"));
}

TEST_CASE("no damage to a model goes unnoticed", "[model_file]") {
  ScratchFolder const folder;
  Made const made = make();
  write(folder / "m.h5", made);
  auto const missed =
      test::undetected_damage(folder / "m.h5", [&] { read_model(folder / "m.h5"); });
  CHECK(missed == std::vector<std::string>{});
  CHECK_NOTHROW(read_model(folder / "m.h5"));
}

TEST_CASE("parameters that are not the network's are named", "[model_file]") {
  ScratchFolder const folder;
  Made const made = make();
  write(folder / "m.h5", made);
  ModelFile file = read_model(folder / "m.h5");
  Layout const& layout = made.network.layout();
  auto const refused = [&] {
    return error_text<DataError>([&] { to_arena(file.parameters, layout, "m.h5"); });
  };
  StoredMatrices const good = file.parameters;

  file.parameters.erase("core.1.bias");
  file.parameters.erase("gate.0.weight");
  CHECK(has(refused(),
            "m.h5: does not hold this network's parameters; missing: core.1.bias, "
            "gate.0.weight."));
  file.parameters = good;
  file.parameters["core.2.weight"] = {{1, 1}, {0}};
  CHECK(has(refused(), "; too many: core.2.weight."));
  file.parameters = good;
  file.parameters.at("core.1.weight") = {{17, 5}, std::vector<float>(85)};
  CHECK(has(refused(), "m.h5: core.1.weight is [17, 5] (must be [5, 17])"));
  file.parameters = good;
  file.parameters.at("core.1.bias") = {{1, 17}, std::vector<float>(17)};
  CHECK(has(refused(), "m.h5: core.1.bias is [1, 17] (must be [17])"));
}

TEST_CASE("a model with a value that is not finite is neither written nor read", "[model_file]") {
  ScratchFolder const folder;
  Made made = make();
  write(folder / "m.h5", made);
  auto const before = read_bytes(folder / "m.h5");
  Slice const& slice = made.network.layout().at("energy.0.weight");
  slice.of(made.arena.data()).row(2)[1] = std::nanf("");
  CHECK(has(error_text<DataError>([&] { write(folder / "m.h5", made); }),
            "m.h5: energy.0.weight [2, 1] is nan (parameters must be finite)"));
  CHECK(read_bytes(folder / "m.h5") == before);

  made = make();
  made.file.inputs.scale[1] = 0;
  CHECK(has(error_text<DataError>([&] { write(folder / "m.h5", made); }),
            "feature 'eta' has scale 0 and offset"));
  made.file.inputs.scale[1] = HUGE_VALF;
  CHECK_THROWS_AS(write(folder / "m.h5", made), DataError);
  made = make();
  made.file.inputs.offset[0] = std::nanf("");
  CHECK(has(error_text<DataError>([&] { write(folder / "m.h5", made); }), "'log_energy'"));
  made = make();
  made.file.inputs.names = {"eta", "log_energy"};
  CHECK(has(error_text<DataError>([&] { write(folder / "m.h5", made); }),
            "normalises eta, log_energy (its recipe's features are log_energy, eta)"));
  made = make();
  made.file.inputs.units.pop_back();
  CHECK(has(error_text<DataError>([&] { write(folder / "m.h5", made); }), "has 1 units"));
  made = make();
  made.arena.pop_back();
  CHECK_THROWS_AS(write(folder / "m.h5", made), ShapeError);
  made = make();
  made.file.recipe.erase("model");
  CHECK_THROWS_AS(write(folder / "m.h5", made), ConfigError);
  CHECK(read_bytes(folder / "m.h5") == before);
  CHECK(folder.names().size() == 1);
}

TEST_CASE("a sealed file that is no model this program reads is refused", "[model_file]") {
  ScratchFolder const folder;
  auto const path = folder / "m.h5";
  Made const made = make();
  InputScaling other = made.file.inputs;
  auto const scaling = [&](hdf5::Writer& root) { write_scaling(root, other); };
  auto const nothing = [](hdf5::Writer&) {};
  // The recipe's annotation after one change.
  auto const annotation = [](std::function<void(AnnotationConfig&)> const& change) {
    return [change](hdf5::Writer& root) {
      AnnotationConfig a;
      change(a);
      root.group("annotation", [&](hdf5::Writer& group) {
        group.doubles("centres", a.centres);
        group.doubles("widths", a.widths);
        group.attribute("feature", a.feature);
        group.attribute("symmetric", std::int64_t{a.symmetric});
      });
    };
  };
  auto const as_recipe = annotation([](AnnotationConfig&) {});
  auto const refused = [&] { return error_text<DataError>([&] { read_model(path); }); };

  forge(path, made, scaling, nothing, "jetcal-model 2");
  CHECK(has(refused(), "has format 'jetcal-model 2' (this jetcal reads 'jetcal-model 1')"));
  forge(path, made, nothing, nothing, "jetcal-model 1");
  CHECK(has(refused(), "/normalisation: group is missing"));
  forge(path, made, scaling, nothing, "jetcal-model 1");
  CHECK(has(refused(), "/annotation is not the annotation of its recipe"));
  for (auto const& change : std::vector<std::function<void(AnnotationConfig&)>>{
           [](AnnotationConfig& a) { a.centres[0] = 0.1; },
           [](AnnotationConfig& a) { a.widths.back() = 0.1; },
           [](AnnotationConfig& a) { a.feature = "log_energy"; },
           [](AnnotationConfig& a) { a.symmetric = false; }}) {
    forge(path, made, scaling, annotation(change), "jetcal-model 1");
    CHECK(has(refused(), "/annotation is not the annotation of its recipe"));
  }
  forge(path, made, scaling, as_recipe, "jetcal-model 1");
  CHECK(has(refused(), "/parameters: group is missing"));
  other.names[0] = "energy";
  forge(path, made, scaling, as_recipe, "jetcal-model 1");
  CHECK(has(refused(), "normalises energy, eta"));

  Made strange = make();
  strange.file.recipe["model"]["unknown"] = 1;
  other = strange.file.inputs;
  forge(path, strange, scaling, nothing, "jetcal-model 1");
  CHECK(has(refused(), "m.h5: /model: unknown key 'unknown'"));
  CHECK(has(refused(), "Use the jetcal that wrote it"));
}
