#include "cli/jobs.h"

#include "cli/output_name.h"
#include "jobs_fixture.h"

namespace esrgan::cli {
namespace {

TEST_F(Jobs, AreWrittenBesideTheirInputsOrToAFolder) {
  make({"a.png", "photos/b.jpg", "photos/sub/c.tif"});
  EXPECT_EQ(planned(request({"a.png"})), (Pairs{{"a.png", "a_x4.png"}}));
  EXPECT_EQ(planned(request({"a.png"}, "large.jpg")), (Pairs{{"a.png", "large.jpg"}}));
  EXPECT_EQ(planned(request({"a.png"}, "out/")), (Pairs{{"a.png", "out/a.png"}}));
  EXPECT_EQ(planned(request({"a.png", "photos"}, "out")),
            (Pairs{{"a.png", "out/a.png"}, {"photos/b.jpg", "out/b.jpg"}}));
  JobRequest all = request({"photos"});
  all.recursive = true;
  EXPECT_EQ(planned(all),
            (Pairs{{"photos/b.jpg", "photos_x4/b.jpg"}, {"photos/sub/c.tif", "photos_x4/sub/c.tif"}}));
  all.suffix_always = true;
  all.output = "out";
  EXPECT_EQ(planned(all),
            (Pairs{{"photos/b.jpg", "out/b_x4.jpg"}, {"photos/sub/c.tif", "out/sub/c_x4.tif"}}));
}

TEST_F(Jobs, TellTheKindByTheFormatOrElseTheInput) {
  make({"a.JPG", "b.gif", "c", "d.svg", "IMG.2024", "w.png?w=200"});
  EXPECT_EQ(planned(request({"a.JPG", "b.gif", "c", "d.svg", "IMG.2024", "w.png?w=200"}, "out")),
            (Pairs{{"a.JPG", "out/a.JPG"},
                   {"b.gif", "out/b.png"},
                   {"c", "out/c.png"},
                   {"d.svg", "out/d.png"},
                   {"IMG.2024", "out/IMG.2024.png"},
                   {"w.png?w=200", "out/w.png?w=200.png"}}));
  JobRequest tiff = request({"a.JPG"});
  for (const char* format : {"TIF", ".TIF"}) {
    tiff.format = format;
    EXPECT_EQ(planned(tiff), (Pairs{{"a.JPG", "a_x4.TIF"}}));
  }
}

TEST_F(Jobs, RefuseWhatContradictsItself) {
  make({"a.png", "b.png", "file"});
  fs::create_directory("folder.png");
  JobRequest wrong = request({"a.png"}, "x.png");
  wrong.format = "jpg";
  EXPECT_PRED2(says, refusal(wrong), "'x.png' and 'jpg'");
  wrong.output = "x.jpeg";
  EXPECT_EQ(planned(wrong), (Pairs{{"a.png", "x.jpeg"}}));
  wrong.output = "folder.png";
  EXPECT_EQ(planned(wrong), (Pairs{{"a.png", "folder.png/a.jpg"}}));
  wrong.format = "bogus";
  EXPECT_PRED2(says, refusal(wrong), "--format");
  EXPECT_PRED2(says, refusal(request({"a.png"}, "x.bogus")), "format");
  EXPECT_PRED2(says, refusal(request({"a.png"}, "file")), "not a folder");
  EXPECT_EQ(refusal(request({"a.png", "b.png"}, "two.png")),
            "two.png: two inputs cannot be written to one picture; give a folder");
  EXPECT_PRED2(says, refusal(request({"photos"}, "one.png")), "a folder cannot be written to one picture");
  EXPECT_EQ(planned(request({"a.png", "b.png"}, "folder.png")).size(), 2U);
  EXPECT_EQ(planned(request({"a.png", "b.png"}, "two.png/")).size(), 2U);
  JobRequest suffix = request({"a.png"}, "out/");
  suffix.suffix = "/../../x";
  EXPECT_PRED2(says, refusal(suffix), "--suffix");
}

TEST_F(Jobs, KnowTheStandardStreams) {
  make({"a.png", "b.png", "./-"});
  EXPECT_EQ(planned(request({"-"})), (Pairs{{"-", "-"}}));
  EXPECT_EQ(planned(request({"-"}, "x.png")), (Pairs{{"-", "x.png"}}));
  EXPECT_EQ(planned(request({"a.png"}, "-")), (Pairs{{"a.png", "-"}}));
  EXPECT_EQ(planned(request({"-", "a.png", "-"}, "out")),
            (Pairs{{"-", "out/stdin.png"}, {"a.png", "out/a.png"}}));
  EXPECT_EQ(planned(request({"-", "a.png"})), (Pairs{{"-", "-"}, {"a.png", "a_x4.png"}}));
  EXPECT_EQ(planned(request({"./-"})), (Pairs{{"-", "-_x4.png"}}));
  EXPECT_PRED2(says, refusal(request({"a.png", "b.png"}, "-")), "standard output");
  EXPECT_PRED2(says, refusal(request({"photos"}, "-")), "standard output");
}

TEST_F(Jobs, FailAloneWhenTheyCollide) {
  make({"photos/a.gif", "photos/a.jpg", "photos/a.png", "photos/b.png", "other/b.png"});
  JobRequest png = request({"photos", "other"}, "out");
  png.format = "png";
  const Plan plan = plan_jobs(png);
  EXPECT_EQ(pairs(plan), (Pairs{{"photos/a.gif", "out/a.png"}, {"photos/b.png", "out/b.png"}}));
  expect_failures(plan, {{"photos/a.jpg",
                          "two inputs would be written to out/a.png: photos/a.gif and photos/a.jpg; "
                          "--name '{name}-{ext}' gives each its own"},
                         {"photos/a.png", "{name}-{ext}"},
                         {"other/b.png", "{name}-{n}"}});
  png.inputs = {"photos"};
  png.name = "{name}-{ext}";
  EXPECT_EQ(planned(png), (Pairs{{"photos/a.gif", "out/a-gif.png"},
                                 {"photos/a.jpg", "out/a-jpg.png"},
                                 {"photos/a.png", "out/a-png.png"},
                                 {"photos/b.png", "out/b-png.png"}}));
}

TEST_F(Jobs, DoAFileOnce) {
  make({"a.png", "photos/z.png"});
  fs::create_symlink("a.png", "link.png");
  fs::create_symlink("a.png", "second-link.png");
  fs::create_symlink("z.png", "photos/a.png");
  fs::create_directory_symlink("photos", "album");
  EXPECT_EQ(planned(request({"link.png", "a.png", "./a.png", "photos/../a.png"})),
            (Pairs{{"a.png", "a_x4.png"}}));
  EXPECT_EQ(planned(request({"link.png", "second-link.png"})), (Pairs{{"link.png", "link_x4.png"}}));
  EXPECT_EQ(planned(request({"album/z.png", "photos/z.png"}, "out")), (Pairs{{"album/z.png", "out/z.png"}}));
  EXPECT_EQ(planned(request({"photos", "photos/"}, "out")), (Pairs{{"photos/z.png", "out/z.png"}}));
}

TEST_F(Jobs, OfLinksKeepTheLinksPlace) {
  make({"store/x1.png", "store/deep/x2.png"});
  fs::create_directories("pick/red");
  fs::create_directories("pick/blue");
  fs::create_symlink("../store/x1.png", "pick/nice.png");
  fs::create_symlink("../../store/deep/x2.png", "pick/red/2.png");
  fs::create_symlink("../../store/deep/x2.png", "pick/blue/2.png");
  fs::create_directory_symlink("../store", "pick/folder");
  fs::create_symlink("nowhere.png", "pick/dangling.png");
  fs::create_symlink("nowhere.txt", "pick/dangling.txt");
  JobRequest all = request({"pick"}, "deep/er/out");
  all.recursive = true;
  const Plan plan = plan_jobs(all);
  EXPECT_EQ(pairs(plan), (Pairs{{"pick/blue/2.png", "deep/er/out/blue/2.png"},
                                {"pick/nice.png", "deep/er/out/nice.png"},
                                {"pick/red/2.png", "deep/er/out/red/2.png"}}));
  expect_failures(plan, {{"pick/dangling.png", "cannot be opened"}});
}

TEST_F(Jobs, GoOnAfterInputsThatFail) {
  make({"a.png", "clip.MP4", "photos/b.png", "empty/read.me"});
  fs::create_directory("none");
  fs::create_symlink("nowhere.png", "dangling.png");
  const Plan plan = plan_jobs(
      request({"empty", "none", "absent.png", "dangling.png", "clip.MP4", "a.png", "photos"}, "out"));
  EXPECT_EQ(pairs(plan), (Pairs{{"a.png", "out/a.png"}, {"photos/b.png", "out/b.png"}}));
  expect_failures(plan, {{"empty", "there is no picture in this folder"},
                         {"none", "there is no picture in this folder"},
                         {"absent.png", "cannot be opened: No such file or directory"},
                         {"dangling.png", "link to a file that does not exist"},
                         {"clip.MP4", "this is a film: esrgan video"}});
}

TEST_F(Jobs, NeverReplaceTheirInputs) {
  make({"a.png", "photos/b.png"});
  fs::create_symlink("a.png", "link.png");
  fs::create_directory("out");
  fs::create_symlink("../a.png", "out/a.png");
  const auto expect = [](const JobRequest& request, const std::string& input) {
    const Plan plan = plan_jobs(request);
    EXPECT_EQ(pairs(plan), Pairs());
    expect_failures(plan, {{input, "replace its input"}});
  };
  fs::create_directory("links");
  fs::create_symlink("../photos/b.png", "links/a.png");
  expect_failures(plan_jobs(request({"a.png", "photos/b.png"}, "links")),
                  {{"a.png", "would replace another input"}});
  expect(request({"a.png"}, "./a.png"), "a.png");
  expect(request({"a.png"}, "link.png"), "a.png");
  expect(request({"a.png"}, "out"), "a.png");
  expect(request({"photos"}, "photos"), "photos/b.png");
}

TEST_F(Jobs, LeaveOutWhatIsNotForThem) {
  make({"photos/a.png", "photos/.hidden.png", "photos/.thumbnails/a.png", "photos/b.svg", "photos/c.XCF",
        "photos/d.MOV", "photos/notes.txt"});
  JobRequest all = request({"photos"}, "out");
  all.recursive = true;
  EXPECT_EQ(planned(all), (Pairs{{"photos/a.png", "out/a.png"}}));
  EXPECT_EQ(plan_jobs(all).remarks,
            (Strings{"2 pictures of kinds that cannot be read here were left out: photos/b.svg, photos/c.XCF",
                     "1 film (esrgan video enlarges films) was left out: photos/d.MOV"}));
  EXPECT_EQ(planned(request({"photos/.hidden.png"})),
            (Pairs{{"photos/.hidden.png", "photos/.hidden_x4.png"}}));
}

TEST_F(Jobs, GoBesideTheFolderHoweverItIsSpelled) {
  make({"photos/a.png", "photos/sub/b.png"});
  for (const char* spelling : {"photos", "photos/", "photos/.", "./photos//./"})
    EXPECT_EQ(planned(request({spelling})), (Pairs{{"photos/a.png", "photos_x4/a.png"}})) << spelling;
  fs::current_path("photos");
  for (const char* spelling : {".", "./", "././"})
    EXPECT_EQ(planned(request({spelling})), (Pairs{{"a.png", "../photos_x4/a.png"}})) << spelling;
  fs::current_path("sub");
  for (const char* spelling : {"..", "../", "../."})
    EXPECT_EQ(planned(request({spelling})), (Pairs{{"../a.png", "../../photos_x4/a.png"}})) << spelling;
  EXPECT_PRED2(says, refusal(request({"/"})), "-o");
}

TEST_F(Jobs, LeaveTheFolderOfTheOutputsAlone) {
  make({"photos/a.png", "photos/out/of-another-day.png", "photos/sub_x4/of-another-day.png",
        "photos/sub/b.png"});
  JobRequest all = request({"photos"}, "photos/sub/../out");
  all.recursive = true;
  EXPECT_EQ(planned(all),
            (Pairs{{"photos/a.png", "photos/out/a.png"},
                   {"photos/sub/b.png", "photos/out/sub/b.png"},
                   {"photos/sub_x4/of-another-day.png", "photos/out/sub_x4/of-another-day.png"}}));
  all = request({"photos", "photos/sub"});
  all.recursive = true;
  EXPECT_EQ(planned(all), (Pairs{{"photos/a.png", "photos_x4/a.png"},
                                 {"photos/out/of-another-day.png", "photos_x4/out/of-another-day.png"},
                                 {"photos/sub/b.png", "photos_x4/sub/b.png"},
                                 {"photos/sub/b.png", "photos/sub_x4/b.png"}}));
}

TEST_F(Jobs, AreTheSameWhenTheirOutputsAreThere) {
  make({"photos/a.png", "photos/a.jpg", "photos/sub/b.png", "c.png"});
  std::vector<JobRequest> requests{request({"photos"}, "photos/out"), request({"photos", "photos/sub"}),
                                   request({"photos"}, "photos"), request({"photos/sub"}, "photos")};
  requests[2].suffix_always = true;
  for (JobRequest& again : requests) {
    again.recursive = true;
    const Plan first = plan_jobs(again);
    EXPECT_GE(first.jobs.size(), 1U);
    carry_out(first);
    EXPECT_EQ(pairs(plan_jobs(again)), pairs(first));
  }
  // *.png of the shell
  carry_out(plan_jobs(request({"c.png"})));
  const Plan globbed = plan_jobs(request({"c.png", "c_x4.png"}));
  EXPECT_EQ(pairs(globbed), (Pairs{{"c.png", "c_x4.png"}}));
  EXPECT_EQ(globbed.remarks, (Strings{"1 input that is the output of another was left out: c_x4.png"}));
}

TEST_F(Jobs, TakeAnyName) {
  const std::vector<std::string> names{
      "what?.png",      "#1%20.png",     "a b 'c' \"d\".png", "\xF0\x9F\x90\x88.png", "-dash.png",
      "two\nlines.png", "\xE9t\xE9.png", "[1]*.png",          "%04d{n}.png",          "\\.png"};
  for (const std::string& name : names) {
    make(fs::path(name));
    const std::string stem = name.substr(0, name.size() - 4);
    EXPECT_EQ(planned(request({name})), (Pairs{{name, stem + "_x4.png"}}));
  }
}

TEST_F(Jobs, ShortenNamesThatBecomeTooLong) {
  std::string japanese;
  for (int i = 0; i < 83; ++i) japanese += "\xE3\x81\x82";
  const std::vector<std::string> stems{std::string(251, 'b'), std::string(250, 'b') + "c", japanese,
                                       std::string(250, '\xE9')};
  std::set<std::string> outputs;
  for (const std::string& stem : stems) {
    make(fs::path(stem + ".png"));
    JobRequest long_suffix = request({stem + ".png"});
    long_suffix.suffix = "_enlarged";
    const Pairs jobs = planned(long_suffix);
    ASSERT_EQ(jobs.size(), 1U);
    const std::string name = jobs.front().second;
    EXPECT_LE(name.size(), longest_name);
    EXPECT_GE(name.size(), longest_name - 3);
    EXPECT_TRUE(name.ends_with("_enlarged.png")) << name;
    const std::string kept = name.substr(0, name.find('~'));
    EXPECT_TRUE(stem.starts_with(kept));
    EXPECT_TRUE(stem != japanese || kept.size() % 3 == 0);
    outputs.insert(name);
    make(fs::path(name));
    EXPECT_EQ(planned(long_suffix), jobs);
  }
  EXPECT_EQ(outputs.size(), stems.size());
  make(fs::path(std::string(255, 'd')) / "a.png");
  EXPECT_EQ(fs::path(planned(request({std::string(255, 'd')})).front().second).parent_path().string().size(),
            longest_name);
}

TEST_F(Jobs, AreNamedByAPattern) {
  make({"photos/a.png", "photos/b.jpg"});
  JobRequest named = request({"photos"}, "out");
  named.scale_text = "2.5";
  named.model_name = "models/tiny";
  const auto first = [&](const std::string& pattern) {
    named.name = pattern;
    return fs::path(planned(named).front().second).filename().string();
  };
  EXPECT_EQ(first("{name}_x{scale}_{model}"), "a_x2.5_models_tiny.png");
  EXPECT_EQ(first("{n:4}"), "0001.png");
  EXPECT_EQ(first("p{n}"), "p1.png");
  EXPECT_EQ(first("{name}.{ext}"), "a.png");
  EXPECT_EQ(first("{name}.jpg"), "a.jpg");
  named.suffix_always = true;
  EXPECT_EQ(first("{name}"), "a_x4.png");
  named.suffix_always = false;
  for (const char* wrong : {"{date}", "{n:0}", "{n:}", "{n:99}", "{n:4x}", "{name", "../{name}"}) {
    named.name = wrong;
    EXPECT_PRED2(says, refusal(named), "--name") << wrong;
  }
  named.name = "{name}.jpg";
  named.format = "png";
  EXPECT_PRED2(says, refusal(named), "contradict");
  named.name = "{n}";
  named.output = "photos";
  EXPECT_PRED2(says, refusal(named), "apart from the inputs");
  JobRequest file = request({"photos/a.png"}, "x.png");
  file.name = "{n}";
  EXPECT_PRED2(says, refusal(file), "this is a file");
  file.output = "";
  EXPECT_EQ(planned(file), (Pairs{{"photos/a.png", "photos/1.png"}}));
}

TEST_F(Jobs, ListThePicturesOfAFolder) {
  make({"photos/b.png", "photos/a.jpg", "photos/a.png", "photos/sub/c.png", "empty/film.mp4"});
  EXPECT_EQ(pictures_in("photos"), (Strings{"photos/a.jpg", "photos/a.png", "photos/b.png"}));
  EXPECT_THROW(pictures_in("empty"), Error);
  EXPECT_THROW(pictures_in("absent"), Error);
}

TEST_F(Jobs, KnowFilmsInAnyCase) {
  for (const char* film : {"a.mp4", "A.MP4", "b.MoV", "c.m2ts", "d.gifv", "e.Webm"})
    EXPECT_TRUE(is_film(film));
  for (const char* other : {"a.gif", "b.webp", "mp4", ".mp4", "c.mp4.png"}) EXPECT_FALSE(is_film(other));
}

}  // namespace
}  // namespace esrgan::cli
