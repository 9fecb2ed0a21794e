#include "train/recipe.hpp"

#include <charconv>

#include "train/recipe_schema.hpp"

namespace jetcal::train {
namespace {

struct Setting {
  std::vector<std::string> path;
  Json value;
  std::string name;  // "--set seed=1"
};

std::string dotted(std::vector<std::string> const& path, std::size_t length) {
  std::string out;
  for (std::size_t i = 0; i < length; ++i) { out.append(i > 0 ? "." : "").append(path[i]); }
  return out;
}

// JSON, or else text as it stands. A value that is JSON but for a key written twice is a mistake.
Json parse_value(std::string const& text, std::string const& name) {
  return Json::accept(text) ? parse_json(text, name) : Json(text);
}

Setting parse_setting(std::string const& set) {
  auto const equals = set.find('=');
  std::string const form = " (must be path=value, as in schedule.0.epochs=2)";
  JETCAL_REQUIRE(equals != std::string::npos, UsageError,
                 "--set " << set << ": has no '='" << form);
  Setting out;
  out.name = "--set " + set;
  std::string const path = set.substr(0, equals);
  for (std::size_t start = 0; start <= path.size();) {
    auto const dot = std::min(path.find('.', start), path.size());
    out.path.push_back(path.substr(start, dot - start));
    JETCAL_REQUIRE(!out.path.back().empty(), UsageError,
                   "--set " << set << ": part of its path is empty" << form);
    start = dot + 1;
  }
  out.value = parse_value(set.substr(equals + 1), out.name);
  return out;
}

std::size_t list_index(std::string const& part, Json const& list, std::string const& where) {
  std::size_t index = 0;
  auto const number = std::from_chars(part.data(), part.data() + part.size(), index);
  JETCAL_REQUIRE(
      number.ec == std::errc() && number.ptr == part.data() + part.size() && index < list.size(),
      ConfigError,
      where << ": '" << part << "' is no index of a list with " << list.size()
            << " items here (must be 0 to " << list.size() - std::min<std::size_t>(list.size(), 1)
            << "). Set the whole list to change its length");
  return index;
}

// A preset stands for these neighbours; the command line's preset replaces what the file says.
void drop_what_preset_sets(Json& parent, std::string const& pointer, Document const& document) {
  for (char const* const key : {"core", "fork", "gate", "epsilon"}) {
    bool own = false;
    for (auto const& o : document.overrides) { own = own || o.pointer == pointer + '/' + key; }
    if (!own) { parent.erase(key); }
  }
}

void apply(Setting const& setting, Json& json, Document& document) {
  Json* at = &json;
  Place place(document);
  std::string created;  // the outermost value this setting brings into being
  for (std::size_t i = 0; i < setting.path.size(); ++i) {
    std::string const& part = setting.path[i];
    if (at->is_null() && created.empty() && i > 0) { created = place.pointer(); }
    place = place / part;
    if (at->is_array()) {
      at = &(*at)[list_index(part, *at, setting.name)];
      continue;
    }
    JETCAL_REQUIRE(at->is_object() || at->is_null(), ConfigError,
                   setting.name << ": " << dotted(setting.path, i) << " is " << brief(*at)
                                << ", which has no '" << part << "' (must be an object or a list). "
                                << "Set it whole: --set " << dotted(setting.path, i) << "=...");
    if (part == "preset" && i + 1 == setting.path.size() && at->is_object()) {
      std::string const& pointer = place.pointer();
      drop_what_preset_sets(*at, pointer.substr(0, pointer.rfind('/')), document);
    }
    if (created.empty() && (at->is_null() || !at->contains(part))) { created = place.pointer(); }
    at = &(*at)[part];
  }
  *at = setting.value;
  document.overrides.push_back(
      {created.empty() ? place.pointer() : created, setting.name, std::filesystem::current_path()});
}

schema::Table<Recipe> const& table() {
  static schema::Table<Recipe> const once = recipe_table();
  return once;
}

Recipe read(Json const& json, Document const& document, std::string const& name) {
  Recipe start;
  start.name = name;
  return table().read(json, Place(document), std::move(start));
}

}  // namespace

Recipe load_recipe(std::filesystem::path const& path, std::vector<std::string> const& sets) {
  std::vector<Setting> settings;
  for (std::string const& set : sets) { settings.push_back(parse_setting(set)); }
  Json json = read_json_file(path);
  Document document{path.string(), std::filesystem::absolute(path).parent_path(), {}};
  JETCAL_REQUIRE(json.is_object(), ConfigError,
                 document.name << ": is " << brief(json) << " (a recipe must be an object)");
  for (Setting const& setting : settings) { apply(setting, json, document); }
  return read(json, document, path.stem().string());
}

Recipe recipe_from_json(Json const& json, std::string const& where) {
  return read(json, {where, std::filesystem::current_path(), {}}, "recipe");
}

Json recipe_to_json(Recipe const& recipe) { return table().write(recipe); }

std::string recipe_markdown() {
  return "# Recipe reference\n\n"
         "A recipe is one JSON file that says everything a training needs. This page is made from "
         "the table that reads it: a key that is not here is refused, and the resolved recipe in a "
         "run's folder, its checkpoints and its model has every key written out. `--set "
         "PATH=VALUE` "
         "changes a value from the command line: a dotted path with list indices and a JSON value, "
         "or plain text (`--set schedule.0.epochs=1 --set model.preset=P2`). The keys of "
         "`recipes/paper.json`, and where the paper is silent, are explained in "
         "`docs/paper-recipe.md`.\n\n" +
         schema::markdown(table().documentation());
}

}  // namespace jetcal::train
