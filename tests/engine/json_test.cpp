#include "engine/json.hpp"

#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"

using namespace jetcal;
using jetcal::test::error_text;
using jetcal::test::has;

TEST_CASE("a JSON syntax error names file, line and column", "[json]") {
  auto const text = [](std::string const& json) {
    return error_text<ConfigError>([&] { parse_json(json, "quick.json"); });
  };
  CHECK(has(text("{\n  \"seed\": 1,\n  oops\n}"), "quick.json: line 3, column 3: "));
  CHECK(has(text("{\"seed\": }"), "quick.json: line 1, column 10: "));
  CHECK(has(text("[1,\n2"), "quick.json: line 2, column "));
  CHECK(has(text(""), "quick.json: line 1, column 1: "));
  CHECK(has(text("{} {}"), "quick.json: line 1, column 4: "));
  CHECK(has(text("{\"a\": 1, // a comment\n}"), "quick.json: line 1, column 10: "));
  CHECK(has(text("[nan]"), "quick.json: line 1, column "));
  CHECK(has(text("[1e999]"), "quick.json: "));
  CHECK(has(text("\"\xff\""), "quick.json: line 1, column "));
}

TEST_CASE("a key written twice in one object is refused where it stands", "[json]") {
  auto const text = [](std::string const& json) {
    return error_text<ConfigError>([&] { parse_json(json, "quick.json"); });
  };
  CHECK(text(R"({"seed": 1, "seed": 2})") ==
        "quick.json: key 'seed' appears twice in one object. Keep one");
  CHECK(text(R"({"schedule": [{"a": 1}, 7, {"b": 1, "loss": {"x": 1, "x": 1}}]})") ==
        "quick.json: /schedule/2/loss: key 'x' appears twice in one object. Keep one");
  CHECK(text(R"({"a/b": [[], {"k": {}, "k": 0}]})") ==
        "quick.json: /a~1b/1: key 'k' appears twice in one object. Keep one");
  // The same key in different objects is no mistake.
  CHECK_NOTHROW(parse_json(R"({"a": {"x": 1}, "b": {"x": 1}, "x": [{"x": 1}, {"x": 1}]})", "ok"));
}

TEST_CASE("JSON keeps the order and the value of what was written", "[json]") {
  Json const json = parse_json(R"({"z": 18446744073709551615, "a": 0.1, "m": [true, null]})", "x");
  CHECK(json.dump() == R"({"z":18446744073709551615,"a":0.1,"m":[true,null]})");
}

TEST_CASE("an unreadable JSON file says why", "[json]") {
  jetcal::test::ScratchFolder const folder;
  CHECK(has(error_text<ConfigError>([&] { read_json_file(folder / "none.json"); }),
            "none.json: cannot be opened"));
  CHECK(has(error_text<ConfigError>([&] { read_json_file(folder.path()); }), "is a folder"));
  jetcal::test::write_text(folder / "ok.json", "{\"a\": 1}\n");
  CHECK(read_json_file(folder / "ok.json")["a"] == 1);
}

TEST_CASE("the nearest word is the one with the fewest edits", "[json]") {
  std::vector<std::string> const keys{"batch_size",        "epochs", "learning_rate",
                                      "learning_rate_end", "loss",   "name"};
  CHECK(nearest("learning_rat", keys) == "learning_rate");
  CHECK(nearest("learning_rate_en", keys) == "learning_rate_end");
  CHECK(nearest("epcohs", keys) == "epochs");  // a swap is one edit
  CHECK(nearest("EPOCHS", keys) == "epochs");
  CHECK(nearest("nam", keys) == "name");
  CHECK(nearest("lss", keys) == "loss");
  CHECK(nearest("bath_size", keys) == "batch_size");
  CHECK(nearest("", keys) == "loss");  // the shortest needs the fewest insertions
  CHECK(nearest("x", {}) == "");
  // One swap against two substitutions: "ab" -> "ba" is nearer than "ab" -> "cd".
  CHECK(nearest("ab", {"cd", "ba"}) == "ba");
}

TEST_CASE("places are named after whoever wrote the value", "[json]") {
  Document const document{"quick.json",
                          "/recipes",
                          {{"/schedule/0/epochs", "--set schedule.0.epochs=1", "/here"},
                           {"/data/train", "--set data.train=x.h5", "/here"},
                           {"/data/train/1", "--set data.train.1=y.h5", "/there"}}};
  Place const root(document);
  CHECK(root.text() == "quick.json");
  CHECK((root / "schedule" / 2).text() == "quick.json: /schedule/2");
  CHECK((root / "schedule" / 0 / "epochs").text() ==
        "--set schedule.0.epochs=1: /schedule/0/epochs");
  CHECK((root / "schedule" / 0).text_for_key("epochs") == "--set schedule.0.epochs=1: /schedule/0");
  CHECK((root / "schedule" / 0).text_for_key("name") == "quick.json: /schedule/0");
  CHECK(root.text_for_key("seed") == "quick.json");
  // "/schedule/0/epochs_x" is not inside "/schedule/0/epochs".
  CHECK((root / "schedule" / 0 / "epochs_x").text() == "quick.json: /schedule/0/epochs_x");
  CHECK((root / "data" / "train" / 0).folder() == "/here");
  CHECK((root / "data" / "train" / 1).folder() == "/there");
  CHECK((root / "data").folder() == "/recipes");
  CHECK((root / "a~b/c").pointer() == "/a~0b~1c");
}

TEST_CASE("differences name every place with both values, whatever the order of keys", "[json]") {
  Json const before = Json::parse(
      R"({"seed": 1, "gone": null, "schedule": [{"epochs": 2, "batch": 10}, {"epochs": 3}], "x": {"y": 1}})");
  Json const now = Json::parse(
      R"({"x": {"y": 1.0}, "schedule": [{"batch": 10, "epochs": 2.5}], "seed": 2, "new/key": "v"})");
  CHECK(differences(before, before).empty());
  CHECK(differences(before, now) == std::vector<std::string>{
                                        "/seed: 1 before, 2 now",
                                        "/gone: null before, absent now",
                                        "/schedule/0/epochs: 2 before, 2.5 now",
                                        R"(/schedule/1: {"epochs":3} before, absent now)",
                                        R"(/new~1key: absent before, "v" now)",
                                    });
  CHECK(differences(Json(1), Json("1")) == std::vector<std::string>{R"(/: 1 before, "1" now)"});
  CHECK(differences(Json::parse("{\"a\": []}"), Json::parse("{\"a\": {}}")) ==
        std::vector<std::string>{"/a: [] before, {} now"});
}

TEST_CASE("long values are shortened in messages, between characters", "[json]") {
  CHECK(brief(Json("short")) == "\"short\"");
  std::string const cut = brief(Json(std::string(59, 'a') + "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"));
  CHECK(cut.size() <= 60);
  CHECK(has(cut, " ..."));
  std::string all_accents;
  for (int i = 0; i < 50; ++i) { all_accents += "\xc3\xa9"; }
  std::string const accents = brief(Json(all_accents));
  CHECK((accents.size() - 5) % 2 == 0);  // one quote, whole two-byte characters, " ..."
}
