#include "engine/schema.hpp"

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/error_text.hpp"

using namespace jetcal;
using jetcal::test::error_text;
using jetcal::test::has;

namespace {

enum class Colour { red, green };

struct Wheel {
  double radius = 1;
  std::int64_t spokes = 3;
};

struct Car {
  std::string name = "car";
  Colour colour = Colour::green;
  std::uint64_t serial = 7;
  double length = 4;
  double length_end = 4;
  bool fast = false;
  std::int64_t gears = 5;
  std::optional<Wheel> spare;
  std::vector<Wheel> wheels;
  std::map<std::string, std::string> labels;
  std::vector<std::string> roads;
  Wheel steering;
};

schema::Table<Wheel> wheel_table() {
  schema::Table<Wheel> table("A wheel");
  table.key("radius", &Wheel::radius, schema::number(schema::above(0)), "In metres.").required();
  table.key("spokes", &Wheel::spokes, schema::integer(1, 100), "How many.");
  return table;
}

schema::Table<Car> car_table() {
  schema::Table<Wheel> steering("The steering wheel");
  steering.key("radius", &Wheel::radius, schema::number({0, 1, false, true}), "In metres.");
  schema::Table<Car> lengths("Lengths");
  lengths.key("gears", &Car::gears, schema::integer(0, 9), "Gears | levers.");

  schema::Table<Car> table("A car");
  table.key("name", &Car::name, schema::non_empty_text(), "What it is called.");
  table.key("colour", &Car::colour,
            schema::one_of<Colour>({{"red", Colour::red}, {"green", Colour::green}}), "Paint.");
  table.key("serial", &Car::serial, schema::unsigned_integer(), "Serial number.");
  table.key("length", &Car::length, schema::number(), "In metres.").then([](Car& car) {
    car.length_end = car.length;
  });
  table.key("length_end", &Car::length_end, schema::number(), "In metres.").defaults("as length");
  table.key("fast", &Car::fast, schema::boolean(), "Only red cars are.")
      .only("colour `red`", [](Car const& car) { return car.colour == Colour::red; });
  table.group("inside", lengths, "What is inside.");
  table.key("spare", &Car::spare, schema::or_null(schema::object(wheel_table())), "Spare wheel.");
  table.key("wheels", &Car::wheels, schema::list_of(schema::object(wheel_table())), "Wheels.");
  table.key("labels", &Car::labels, schema::map_of(schema::text()), "Anything.");
  table.key("roads", &Car::roads, schema::list_of(schema::path_or_glob(), 1, true), "Maps.");
  table.key("steering", &Car::steering, schema::object(steering), "Steering wheel.");
  table.check([](Car const& car, Place const& place) {
    JETCAL_REQUIRE(car.gears <= 5 || car.fast, ConfigError,
                   place.text() << ": " << car.gears << " gears need a fast car");
  });
  return table;
}

Car read(std::string const& json) {
  Document const document{"car.json", "/cars", {}};
  return car_table().read(parse_json(json, "car.json"), Place(document));
}

std::string refused(std::string const& json) {
  return error_text<ConfigError>([&] { read(json); });
}

}  // namespace

TEST_CASE("a table fills defaults and reads every kind of value", "[schema]") {
  Car const plain = read("{}");
  CHECK(plain.name == "car");
  CHECK(plain.serial == 7);
  CHECK(!plain.spare);
  CHECK(plain.wheels.empty());

  Car const car = read(R"({"wheels": [{"radius": 0.3}, {"spokes": 9, "radius": 0.5}],
      "name": "x", "colour": "red", "fast": true, "serial": 18446744073709551615, "length": 1e1,
      "inside": {"gears": 6}, "spare": {"radius": 2}, "labels": {"a.b": "c"}, "roads": "b/*.map",
      "steering": {"radius": 1}})");
  CHECK(car.name == "x");
  CHECK(car.colour == Colour::red);
  CHECK(car.fast);
  CHECK(car.serial == std::numeric_limits<std::uint64_t>::max());
  CHECK(car.length == 10);
  CHECK(car.length_end == 10);  // follows length unless it is given
  CHECK(car.gears == 6);
  REQUIRE(car.spare);
  CHECK(car.spare->radius == 2);
  REQUIRE(car.wheels.size() == 2);
  CHECK(car.wheels[1].spokes == 9);
  CHECK(car.labels.at("a.b") == "c");
  CHECK(car.roads == std::vector<std::string>{"/cars/b/*.map"});
  CHECK(read(R"({"length_end": 3, "length": 5})").length_end == 3);  // table order, not document's
}

TEST_CASE("what a table writes it reads back to the same", "[schema]") {
  for (std::string const text :
       {R"({})", R"({"colour": "red", "fast": true, "length": 0.1, "spare": {"radius": 1e-3}})",
        R"({"wheels": [{"radius": 2}], "labels": {"k": "v"}, "roads": ["/a", "b"]})"}) {
    Json const once = car_table().write(read(text));
    // A list without its least number of items is only ever a default: leave it out.
    Json again = once;
    if (again["roads"].empty()) { again.erase("roads"); }
    CHECK(car_table().write(read(again.dump())) == once);
  }
  Json const green = car_table().write(read("{}"));
  CHECK_FALSE(green.contains("fast"));  // has no meaning for a green car
  CHECK(green["length_end"] == 4);
  CHECK(green["spare"].is_null());
}

TEST_CASE("unknown keys name the nearest and list the known", "[schema]") {
  CHECK(refused(R"({"lenght": 1})") ==
        "car.json: unknown key 'lenght' (known: name, colour, serial, length, length_end, fast, "
        "inside, spare, wheels, labels, roads, steering). Did you mean 'length'?");
  CHECK(refused(R"({"wheels": [{"radius": 1}, {"radius": 1}, {"radius": 1, "spoke": 2}]})") ==
        "car.json: /wheels/2: unknown key 'spoke' (known: radius, spokes). Did you mean 'spokes'?");
  CHECK(has(refused(R"({"spare": {"radios": 1}})"), "car.json: /spare: unknown key 'radios'"));
  CHECK(has(refused(R"({"inside": {"gear": 1}})"), "car.json: /inside: unknown key 'gear'"));
}

TEST_CASE("wrong types and values out of range are refused", "[schema]") {
  CHECK(refused(R"([1])") ==
        "car.json: is [1] (must be an object with keys name, colour, serial, length, length_end, "
        "fast, inside, spare, wheels, labels, roads, steering)");
  CHECK(refused(R"({"name": 1})") ==
        "car.json: /name: is 1 (must be text; write it in double quotes)");
  CHECK(has(refused(R"({"name": ""})"), "/name: is \"\""));
  CHECK(has(refused(R"({"name": null})"), "/name: is null"));
  CHECK(refused(R"({"colour": "gren"})") ==
        "car.json: /colour: is 'gren' (must be one of red, green). Did you mean 'green'?");
  CHECK(has(refused(R"({"colour": 1})"), "/colour: is 1 (must be one of red, green)"));
  CHECK(refused(R"({"serial": -1})") ==
        "car.json: /serial: is -1 (must be an integer, 0 to 18446744073709551615)");
  CHECK(has(refused(R"({"serial": 1.5})"), "/serial: is 1.5"));
  CHECK(has(refused(R"({"serial": 1e300})"), "/serial: is 1e+300"));
  CHECK(has(refused(R"({"serial": true})"), "/serial: is true"));
  CHECK(has(refused(R"({"length": "1"})"), "/length: is \"1\""));
  CHECK(has(refused(R"({"wheels": {}})"), "/wheels: is {}"));
  CHECK(refused(R"({"wheels": [{"radius": 0}]})") ==
        "car.json: /wheels/0/radius: is 0 (must be > 0)");
  CHECK(refused(R"({"wheels": [{"radius": 1, "spokes": 101}]})") ==
        "car.json: /wheels/0/spokes: is 101 (must be an integer, 1 to 100)");
  CHECK(has(refused(R"({"wheels": [{"radius": 1, "spokes": 0}]})"), "spokes: is 0"));
  CHECK(has(refused(R"({"wheels": [{"radius": 1, "spokes": 18446744073709551615}]})"),
            "spokes: is 18446744073709551615"));
  CHECK(has(refused(R"({"labels": {"a": 1}})"), "/labels/a: is 1"));
  CHECK(has(refused(R"({"labels": []})"), "/labels: is []"));
  CHECK(has(refused(R"({"roads": []})"), "/roads: is [] (must be a list of text, at least 1)"));
  CHECK(has(refused(R"({"roads": [1]})"), "/roads/0: is 1"));
  CHECK(refused(R"({"steering": {"radius": 1.5}})") ==
        "car.json: /steering/radius: is 1.5 (must be 0 < x <= 1)");
  CHECK(has(refused(R"({"steering": {"radius": 0}})"), "is 0 (must be 0 < x <= 1)"));
  CHECK(read(R"({"wheels": [{"radius": 1, "spokes": 100}]})").wheels[0].spokes == 100);
  CHECK(read(R"({"wheels": [{"radius": 1, "spokes": 2e1}]})").wheels[0].spokes == 20);
}

TEST_CASE("numbers that are not finite are refused even from a program", "[schema]") {
  Document const document{"made", "/", {}};
  for (double const bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    Json json;
    json["length"] = bad;
    CHECK_THROWS_AS(car_table().read(json, Place(document)), ConfigError);
    Json wheel;
    wheel["wheels"][0]["radius"] = bad;
    CHECK_THROWS_AS(car_table().read(wheel, Place(document)), ConfigError);
    Json spokes;
    spokes["wheels"][0] = {{"radius", 1}, {"spokes", bad}};
    CHECK_THROWS_AS(car_table().read(spokes, Place(document)), ConfigError);
  }
}

TEST_CASE("missing keys, keys without a meaning and broken rules are refused", "[schema]") {
  CHECK(refused(R"({"wheels": [{}]})") ==
        "car.json: /wheels/0: key 'radius' is missing (In metres.)");
  CHECK(refused(R"({"fast": true})") ==
        "car.json: key 'fast' has no effect here (it is for colour `red`). Remove it");
  CHECK(refused(R"({"inside": {"gears": 6}})") == "car.json: 6 gears need a fast car");
}

TEST_CASE("the reference page shows every key of every table", "[schema]") {
  std::string const page = schema::markdown(car_table().documentation());
  CHECK(has(page, "## Top level\n\nA car.\n\n"));
  CHECK(has(page, "| `name` | text | `\"car\"` | What it is called. |\n"));
  CHECK(has(page, "| `colour` | text: `red`, `green` | `\"green\"` | Paint. |\n"));
  CHECK(has(page, "| `length_end` | number | as length | In metres. |\n"));
  CHECK(has(page, "| `fast` | true or false | `false` | Only for colour `red`. Only red cars"));
  CHECK(has(page, "| `radius` | number: > 0 | required | In metres. |\n"));
  CHECK(has(page, "| `roads` | text or list of text | `[]` | Maps. |\n"));
  CHECK(has(page, "## `spare`\n\nA wheel.\n\n"));
  CHECK(has(page, "## `wheels[]`\n\nAs `spare`.\n\n"));  // the same table, printed once
  CHECK(has(page, "## `inside`\n\nLengths.\n\n"));
  CHECK(has(page, "Gears \\| levers."));  // a bar would end the cell
}
