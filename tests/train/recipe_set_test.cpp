// Values of a recipe given on the command line, and where its paths start.

#include "train/recipe.hpp"

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "data/config_schema.hpp"
#include "model/config_schema.hpp"
#include "model/network.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"
#include "tests/train/small_recipe.hpp"
#include "train/recipe_schema.hpp"

using namespace jetcal;
using namespace jetcal::train;
using namespace jetcal::train::small;
using jetcal::test::has;
using jetcal::test::ScratchFolder;

TEST_CASE("relative paths start from the recipe's folder, in --set from the working directory",
          "[recipe]") {
  ScratchFolder const folder;
  Json json = minimal();
  json["data"]["train"] = {"a.h5", "../b/*.h5", "/c.h5"};
  test::write_text(folder / "mine.json", json.dump());
  Recipe const r = load_recipe(folder / "mine.json");
  CHECK(r.name == "mine");
  CHECK(r.data.train == std::vector<std::string>{(folder / "a.h5").string(),
                                                 (folder.path().parent_path() / "b/*.h5").string(),
                                                 "/c.h5"});
  std::string const here = std::filesystem::current_path().string();
  CHECK(load_recipe(folder / "mine.json", {"data.train=x.h5"}).data.train ==
        std::vector<std::string>{here + "/x.h5"});
  CHECK(load_recipe(folder / "mine.json", {R"(data.train=["x.h5","/y.h5"])"}).data.train ==
        std::vector<std::string>{here + "/x.h5", "/y.h5"});
  CHECK(load_recipe(folder / "mine.json", {"data.train.1=x.h5"}).data.train ==
        std::vector<std::string>{(folder / "a.h5").string(), here + "/x.h5", "/c.h5"});
}

TEST_CASE("values are changed anywhere with --set", "[recipe]") {
  Recipe const r =
      load("paper", {"schedule.0.epochs=1", "seed=7", "name=other", "bins.pt_true=[1,2]",
                     "schedule.10.average.decay=0.5", "data.weight=w", "schedule.1.optimizer=adam",
                     "loader.mode=streaming", "seed=8", "model.annotation.enabled=false",
                     "description=a=b"});
  CHECK(r.schedule[0].epochs == 1);
  CHECK(r.seed == 8);  // the later one
  CHECK(r.name == "other");
  CHECK(r.bins.pt_true == std::vector<double>{1, 2});
  CHECK(r.schedule[10].average_decay == 0.5);  // "average" was null
  CHECK(r.data.weight == "w");
  CHECK(r.schedule[1].optimizer.kind == OptimizerKind::adam);
  CHECK(r.loader.mode == data::LoaderMode::streaming);
  CHECK_FALSE(r.model.annotation.enabled);
  CHECK(r.description == "a=b");
}

TEST_CASE("a --set of a preset replaces what the file says in its place", "[recipe]") {
  using Widths = std::vector<std::int64_t>;
  ScratchFolder const folder;
  // A run's own resolved recipe has every width and epsilon written out.
  test::write_text(folder / "r.json", recipe_to_json(from(minimal())).dump());
  auto const read = [&](std::vector<std::string> const& sets) {
    return load_recipe(folder / "r.json", sets);
  };
  Recipe const p2 = read({"model.preset=P2", "schedule.0.optimizer.preset=torch"});
  CHECK(p2.model.preset == "P2");
  CHECK(p2.model.core == Widths(5, 210));
  CHECK(p2.model.fork == Widths(4, 260));
  CHECK(p2.schedule[0].optimizer.epsilon == 1e-8);
  // But not what another --set says.
  Recipe const custom = read({"model.core=[3]", "model.preset=P2"});
  CHECK(custom.model.core == Widths{3});
  CHECK(custom.model.fork == Widths(4, 260));
  CHECK(custom.model.preset == "custom");
}

TEST_CASE("a malformed --set is a usage error", "[recipe]") {
  for (std::string const bad : {"seed", "=1", "", "a..b=1", ".seed=1", "seed.=1"}) {
    CAPTURE(bad);
    CHECK(has(set_refused<UsageError>(bad), "--set " + bad + ": "));
  }
  // It is seen before the recipe is even read.
  CHECK_THROWS_AS(load_recipe("/no/such/recipe.json", {"seed"}), UsageError);
}

TEST_CASE("a --set that does not fit the recipe names itself", "[recipe]") {
  CHECK(has(set_refused("modle.preset=P2"), "--set modle.preset=P2: unknown key 'modle'"));
  CHECK(has(set_refused("modle.preset=P2"), "Did you mean 'model'?"));
  CHECK(has(set_refused("schedule.2.learning_rat=1"),
            "--set schedule.2.learning_rat=1: /schedule/2: unknown key 'learning_rat'"));
  CHECK(has(set_refused("bins.pt=[1,2]"), "--set bins.pt=[1,2]: /bins: unknown key 'pt'"));
  CHECK(has(set_refused("schedule.0.epochs=-1"),
            "--set schedule.0.epochs=-1: /schedule/0/epochs: is -1"));
  CHECK(has(set_refused("schedule.0.epochs=two"), "/schedule/0/epochs: is \"two\""));
  CHECK(has(set_refused("schedule.0.epochs="), "/schedule/0/epochs: is \"\""));
  CHECK(has(set_refused("schedule.11.epochs=1"), "'11' is no index of a list with 11 items"));
  CHECK(has(set_refused("schedule.-1.epochs=1"), "'-1' is no index"));
  CHECK(has(set_refused("schedule.1x.epochs=1"), "'1x' is no index"));
  CHECK(has(set_refused("schedule.epochs=1"), "'epochs' is no index"));
  CHECK(has(set_refused("seed.x=1"), "--set seed.x=1: seed is 1, which has no 'x'"));
  CHECK(has(set_refused("seed.x=1"), "Set it whole: --set seed=..."));
  CHECK(has(set_refused("schedule.0.name=1"), "/schedule/0/name: is 1 (must be text; write it in"));
  CHECK(
      has(set_refused(R"(bins={"pt_true":[1,2],"pt_true":[1,3]})"), "key 'pt_true' appears twice"));
  CHECK(has(set_refused("model={}x"), "/model: is \"{}x\""));
  CHECK(has(set_refused("seed=1e999"), "/seed: is \"1e999\""));
  // Other mistakes still name the file.
  CHECK(has(error_text<ConfigError>([&] {
              ScratchFolder const folder;
              Json json = minimal();
              json["seeed"] = 1;
              test::write_text(folder / "mine.json", json.dump());
              load_recipe(folder / "mine.json", {"seed=2"});
            }),
            "mine.json: unknown key 'seeed'"));
}
