#include "data/normalisation.hpp"

#include <cmath>

#include "data/norm_dict.hpp"
#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"

namespace jetcal::data {
namespace {

using jetcal::test::compare_bits;
using jetcal::test::error_text;
using jetcal::test::has;

Normalisation const kThree{{"log_e", "eta", "D2"}, {0.19f, 0.22f, 0.006f}, {-6.6f, -0.005f, -1.0f}};

bool same(Normalisation const& a, Normalisation const& b) {
  return a.names == b.names && compare_bits(a.scale, b.scale).ok &&
         compare_bits(a.offset, b.offset).ok;
}

TEST_CASE("a range goes to -1 and 1", "[normalisation]") {
  for (auto const& [lo, hi] :
       {std::pair{-3.0f, 5.0f}, {1e5f, 1.5e5f}, {0.0f, 1e-6f}, {-7.f, -6.f}}) {
    Normalisation n;
    append_range(n, "x", lo, hi);
    REQUIRE(n.scale.size() == 1);
    CAPTURE(lo, hi);
    double const room = 4e-7 * (1 + std::abs(double{n.offset[0]}));
    CHECK(std::abs(double{n.scale[0]} * lo + n.offset[0] + 1) < room);
    CHECK(std::abs(double{n.scale[0]} * hi + n.offset[0] - 1) < room);
  }
  // By hand: 2 / 8 and -(5 - 3) / 8
  Normalisation n;
  append_range(n, "x", -3, 5);
  CHECK(n.scale[0] == 0.25f);
  CHECK(n.offset[0] == -0.25f);
  auto const text = error_text<DataError>([&] { append_range(n, "flag", 2, 2); });
  CHECK(has(text, "feature 'flag': its 0.1 % and 99.9 % quantiles"));
  CHECK(has(text, "both 2"));
}

TEST_CASE("both forms give back the same bits", "[normalisation]") {
  for (auto const form : {NormalisationForm::scale_offset, NormalisationForm::norm_dict}) {
    std::string const text = normalisation_text(kThree, form);
    CAPTURE(text);
    CHECK(same(parse_normalisation(text, kThree.names, "w"), kThree));
  }
  RandomStream const random(jetcal::test::seed_of("normalisation"), Purpose::test);
  Normalisation many;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    many.names.push_back("f" + std::to_string(i));
    many.scale.push_back(static_cast<float>(std::exp(40 * random.uniform(2 * i) - 20)));
    many.offset.push_back(static_cast<float>(100 * random.uniform(2 * i + 1) - 50));
  }
  for (auto const form : {NormalisationForm::scale_offset, NormalisationForm::norm_dict}) {
    CHECK(same(parse_normalisation(normalisation_text(many, form), many.names, "w"), many));
  }
}

// Rows of Athena's DNN.yaml (JetCalibTools): rapidity, Width
TEST_CASE("scale_offset is read in the features' order", "[normalisation]") {
  auto const n = parse_normalisation(
      R"({"inputs":[{"name":"Width","offset":-1,"scale":2.8},{"name":"rapidity","offset":-0.005,"scale":0.22}]})",
      {"rapidity", "Width"}, "w");
  CHECK(n.names == std::vector<std::string>{"rapidity", "Width"});
  CHECK(n.scale == std::vector<float>{0.22f, 2.8f});
  CHECK(n.offset == std::vector<float>{-0.005f, -1.0f});
}

TEST_CASE("norm_dict is read as JSON and as YAML, other groups aside", "[normalisation]") {
  std::string const json =
      R"({"jets":{"pt":{"mean":100.0,"std":25.0},"other":{"mean":0,"std":0}},"tracks":{"d0":{"mean":0,"std":1}}})";
  std::string const yaml =
      "---\n# computed over the training jets\njets:\n  pt:  # [MeV]\n    mean: 1.0e+2\n    std: "
      "25.0\n"
      "\n  'other':\n    mean: 0\n    std: 0\ntracks:\n  d0:\n    mean: 0.0\n    std: 1\n";
  for (auto const& text : {json, yaml}) {
    auto const n = parse_normalisation(text, {"pt"}, "w");
    REQUIRE(n.scale.size() == 1);
    CHECK(n.scale[0] == 0.04f);   // 1 / std
    CHECK(n.offset[0] == -4.0f);  // -mean / std
  }
}

TEST_CASE("normalisations that are wrong are refused", "[normalisation]") {
  auto const refusal = [](std::string const& text) {
    auto const what = error_text<ConfigError>([&] {
      parse_normalisation(text, {"pt", "eta"}, "norm.json");
    });
    CHECK(what.rfind("norm.json: ", 0) == 0);
    return what;
  };
  std::string const pt = R"({"name":"pt","offset":0,"scale":1})";
  CHECK(has(refusal("{}"), "has neither 'inputs' nor 'jets'"));
  CHECK(has(refusal("{\"inputs\":[" + pt + "]}"), "has no feature 'eta' (it has: pt)"));
  CHECK(has(refusal("{\"inputs\":[" + pt + "," + pt + "]}"), "input 'pt' appears twice"));
  CHECK(has(refusal("{\"inputs\":[" + pt +
                    R"(,{"name":"eta","offset":0,"scale":1},{"name":"x","offset":0,"scale":1}]})"),
            "has 'x', which is no feature (features: pt, eta)"));
  CHECK(has(refusal("{\"inputs\":[" + pt + R"(,{"name":"eta","offset":0,"scale":0}]})"),
            "'eta' has scale 0"));
  CHECK(has(refusal("{\"inputs\":[" + pt + R"(,{"name":"eta","offset":1e300,"scale":1}]})"),
            "'eta' has scale 1 and offset 1e+300"));
  CHECK(has(refusal("{\"inputs\":[" + pt + R"(,{"name":"eta","offset":"0","scale":1}]})"),
            "input 'eta': has no number 'offset'"));
  CHECK(has(refusal("{\"inputs\":[{\"scale\":1}]}"), "has no name"));
  CHECK(has(refusal("{\"inputs\":3}"), "'inputs' is 3 (must be a list)"));
  CHECK(has(refusal("{\"jets\":3}"), "'jets' is 3 (must be an object)"));
  CHECK(has(refusal(R"({"jets":{"pt":{"mean":0,"std":0}}})"), "jets/pt has std 0"));
  CHECK(has(refusal(R"({"jets":{"pt":{"mean":0,"std":-1}}})"), "jets/pt has std -1"));
  CHECK(has(refusal("jets:\n  pt:\n    mean: 0\n"), "jets/pt: has no number 'std'"));
  CHECK(has(refusal("jets:\n  pt:\n    mean: zero\n"), "line 3: 'zero' of 'mean'"));
  CHECK(has(refusal("jets:\n  pt:\n    mean: .nan\n"), "line 3"));
  CHECK(has(refusal("jets:\n\tpt:\n"), "line 2: has a tab"));
  CHECK(has(refusal("jets:\n    pt:\n  eta:\n"), "line 3: fits no mapping's indentation"));
  CHECK(has(refusal("jets: 1\n  pt: 2\n"), "line 2: is indented deeper"));
  CHECK(has(refusal("jets:\n  pt: 1\n  pt: 2\n"), "line 3: 'pt' appears twice"));
  CHECK(has(refusal("- jets\n"), "line 1: '- jets'"));
  Normalisation const negative{{"x"}, {-1.0f}, {0.0f}};
  CHECK(has(
      error_text<ConfigError>([&] { normalisation_text(negative, NormalisationForm::norm_dict); }),
      "scale of 'x' is -1"));
}

TEST_CASE("normalisations from files", "[normalisation]") {
  jetcal::test::ScratchFolder const folder;
  auto const path = folder / "norm.json";
  jetcal::test::write_text(path, normalisation_text(kThree, NormalisationForm::scale_offset));
  CHECK(same(read_normalisation(path, kThree.names), kThree));
  auto const text =
      error_text<ConfigError>([&] { read_normalisation(folder / "none.json", kThree.names); });
  CHECK(has(text, "none.json: cannot be read"));
}

TEST_CASE("a normalisation must be of the features", "[normalisation]") {
  std::vector<FeatureConfig> features(3);
  for (std::size_t i = 0; i < 3; ++i) { features[i].name = kThree.names[i]; }
  require_matching(kThree, features, "model.h5");
  auto const refusal = [&](Normalisation const& n) {
    return error_text<ConfigError>([&] { require_matching(n, features, "model.h5"); });
  };
  auto wrong = kThree;
  std::swap(wrong.names[0], wrong.names[1]);
  CHECK(has(refusal(wrong), "model.h5: normalisation 0 is of 'eta' but the feature is 'log_e'"));
  wrong = kThree;
  wrong.scale[2] = 0;
  CHECK(has(refusal(wrong), "'D2' has scale 0"));
  wrong.scale[2] = std::nanf("");
  CHECK(has(refusal(wrong), "'D2' has scale nan"));
  wrong = kThree;
  wrong.offset.pop_back();
  CHECK(has(refusal(wrong), "normalisation of 3 features"));
}

}  // namespace
}  // namespace jetcal::data
