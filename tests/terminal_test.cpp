#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "base/text.h"
#include "cli/progress_bar.h"

namespace esrgan::cli {
namespace {

TEST(Escaped, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(escaped("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(escaped("two\nlines\tand\r\x7f"), "two\\nlines\\tand\\x0d\\x7f");
  EXPECT_EQ(escaped(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(escaped("\xC2\x9B[2J"), "\\xc2\\x9b[2J");  // CSI of C1
  EXPECT_EQ(escaped("\xC2\xA0"), "\xC2\xA0");          // the first behind C1
}

TEST(Escaped, LeavesTextAsItIs) {
  for (const char* text : {"", "plain \\ text", "\xC3\xA9t\xC3\xA9", "\xE3\x81\x82", "\xF0\x9F\x90\x88",
                           "\xEF\xBF\xBF", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"})
    EXPECT_EQ(escaped(text), text);
}

TEST(Escaped, ShowsTheBytesOfWhatIsNotUtf8) {
  EXPECT_EQ(escaped("\xE9t\xE9"), "\\xe9t\\xe9");
  EXPECT_EQ(escaped("\xC0\x9B"), "\\xc0\\x9b");                    // longer than need be
  EXPECT_EQ(escaped("\xE0\x82\x9B"), "\\xe0\\x82\\x9b");           // the same
  EXPECT_EQ(escaped("\xED\xA0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(escaped("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(escaped("\xE3\x81"), "\\xe3\\x81");                    // cut off
  EXPECT_EQ(escaped("\xE3\x81z"), "\\xe3\\x81z");
}

/// Containers may come without pseudo-terminals.
bool can_open_terminals() {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0) return false;
  const char* const name = ::ptsname(master);
  const int slave = name != nullptr && ::unlockpt(master) == 0 ? ::open(name, O_RDWR | O_NOCTTY) : -1;
  if (slave >= 0) ::close(slave);
  ::close(master);
  return slave >= 0;
}

class ProgressBarTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_open_terminals()) GTEST_SKIP() << "no pseudo-terminal can be opened here";
  }
};

/// Standard error goes to a terminal of the test's own.
class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY)), kept_(::dup(STDERR_FILENO)) {
    ::grantpt(master_);
    ::unlockpt(master_);
    slave_ = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
    ::dup2(slave_, STDERR_FILENO);
    reader_ = std::thread([this] {
      char buffer[4096];
      for (ssize_t count = 0; (count = ::read(master_, buffer, sizeof buffer)) > 0;)
        text_.append(buffer, static_cast<size_t>(count));
    });
  }
  ~Terminal() { close(); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  Terminal(Terminal&&) = delete;
  Terminal& operator=(Terminal&&) = delete;

  /// All that was printed.
  const std::string& close() {
    if (reader_.joinable()) {
      ::dup2(kept_, STDERR_FILENO);
      ::close(kept_);
      ::close(slave_);
      reader_.join();
      ::close(master_);
    }
    return text_;
  }

 private:
  int master_, kept_, slave_ = -1;
  std::thread reader_;
  std::string text_;
};

std::string shown(ProgressBar& bar, double share) {
  Terminal terminal;
  bar.show(share);
  ProgressBar::clear_line();
  return terminal.close();
}

TEST_F(ProgressBarTest, ShowsTheBatch) {
  ProgressBar bar("", 0);
  bar.begin("photo.png", {17, 1000, 0.4, 0.2});
  const std::string line = shown(bar, 0.5);
  EXPECT_NE(line.find("photo.png ["), std::string::npos) << line;
  EXPECT_NE(line.find(" 50%  17 of 1000"), std::string::npos) << line;
}

TEST_F(ProgressBarTest, ShowsASingleJob) {
  ProgressBar bar("evil\x1b[2J.png", 0);
  const std::string line = shown(bar, 0.25);
  EXPECT_NE(line.find("evil\\x1b[2J.png ["), std::string::npos) << line;
  EXPECT_NE(line.find("]  25%"), std::string::npos) << line;
  EXPECT_EQ(line.find(" of "), std::string::npos) << line;
}

TEST_F(ProgressBarTest, KeepsWholeCharactersOfALongName) {
  std::string name;
  for (int i = 0; i < 200; ++i) name += "\xE3\x81\x82";
  ProgressBar bar(name, 0);
  const std::string line = shown(bar, 0.5);
  EXPECT_EQ(escaped(line.substr(1, line.find('[') - 1)), line.substr(1, line.find('[') - 1));
}

TEST_F(ProgressBarTest, GivesWayToMessagesOfOtherThreads) {
  constexpr int messages = 300;
  Terminal terminal;
  std::thread other([] {
    for (int i = 0; i < messages; ++i) ProgressBar::print("message " + std::to_string(i) + "\n");
  });
  for (int i = 0; i < messages; ++i) {
    ProgressBar bar("picture.png", 0);  // a new one draws at once
    bar.show(0.5);
  }
  other.join();
  ProgressBar::clear_line();
  std::string text = terminal.close();
  for (int i = 0; i < messages; ++i) {
    const size_t end = text.find("\r\n");
    ASSERT_NE(end, std::string::npos);
    const std::string line = text.substr(0, end);
    const size_t erased = line.rfind("\033[K");
    EXPECT_EQ(erased == std::string::npos ? line : line.substr(erased + 3), "message " + std::to_string(i));
    text.erase(0, end + 2);
  }
}

}  // namespace
}  // namespace esrgan::cli
