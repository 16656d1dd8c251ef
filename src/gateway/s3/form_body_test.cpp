#include "gateway/s3/form_body.hpp"

#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

std::string field(const std::string& name, const std::string& value) {
  return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}
std::string file(const std::string& content, const std::string& name = "a.txt") {
  return "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name +
         "\"\r\nContent-Type: text/x-file\r\n\r\n" + content + "\r\n--b--\r\n";
}

class FormBodies : public ::testing::Test {
 protected:
  ~FormBodies() override { runtime_.stop(); }

  struct Read {
    Form form;
    std::string content;
  };
  Result<Read> read(const std::string& text, std::size_t piece, std::uint64_t min_bytes = 0,
                    std::uint64_t max_bytes = UINT64_MAX) {
    SentBody raw(text, piece);
    return block_on(runtime_, run(raw, min_bytes, max_bytes));
  }
  Errc error(const std::string& text) {
    const auto got = read(text, 7);
    return got ? Errc{} : got.error().code();
  }

 private:
  static Task<Result<Read>> run(SentBody& raw, std::uint64_t min_bytes, std::uint64_t max_bytes) {
    FormBody body(raw, "b");
    Read out;
    STRATOS_CO_TRY(out.form, co_await body.read_form());
    body.limit(min_bytes, max_bytes);
    while (true) {
      STRATOS_CO_TRY(const Buffer part, co_await body.read(1000));
      if (part.empty()) break;
      EXPECT_LE(part.size(), 1000U);
      out.content += as_text(part.view());
    }
    STRATOS_CO_TRY(const Buffer again, co_await body.read(1));
    EXPECT_TRUE(again.empty());
    co_return out;
  }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "form_test"};
};

TEST_F(FormBodies, GiveFieldsThenTheFileInPiecesOfAnySize) {
  const std::string content = "line\r\n--almost\r\n-\r\n--" + noise(5000);
  const std::string text = field("key", "a/b") + field("empty", "") + file(content);
  for (std::size_t piece : {1U, 2U, 3U, 50U, 100'000U}) {
    const auto got = read(text, piece);
    ASSERT_TRUE(got) << got.error().to_string();
    EXPECT_EQ(got->content, content);
    EXPECT_EQ(*got->form.find("KEY"), "a/b");
    EXPECT_EQ(*got->form.find("empty"), "");
    EXPECT_EQ(got->form.find("none"), nullptr);
    EXPECT_EQ(got->form.file_name, "a.txt");
    EXPECT_EQ(got->form.file_type, "text/x-file");
  }
}

TEST_F(FormBodies, MayHoldAnEmptyFile) {
  EXPECT_EQ(read(file(""), 5)->content, "");
  EXPECT_EQ(read(file("x", "a\\\"b;c"), 5)->form.file_name, "a\"b;c");
}

TEST_F(FormBodies, EndWithTheirDelimiterOrFail) {
  const std::string whole = field("key", "v") + file("content");
  EXPECT_EQ(error(whole), Errc{});
  for (std::size_t cut = 1; cut < whole.size() - std::string("--\r\n").size(); ++cut) {
    EXPECT_EQ(error(whole.substr(0, cut)), Errc::malformed_form) << cut;
  }
}

TEST_F(FormBodies, RefuseWhatIsNoForm) {
  EXPECT_EQ(error("preamble\r\n" + file("x")), Errc::malformed_form);
  EXPECT_EQ(error("--bb\r\n"), Errc::malformed_form);
  EXPECT_EQ(error("--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"), Errc::malformed_form);
  EXPECT_EQ(error("--b\r\nContent-Type: x\r\n\r\nx\r\n--b--"), Errc::malformed_form);
  EXPECT_EQ(error("--b\r\nrubbish\r\n\r\nx\r\n--b--"), Errc::malformed_form);
  EXPECT_EQ(error(field("key", "v") + "--b--\r\n"), Errc::invalid_argument) << "no file";
}

TEST_F(FormBodies, BoundTheFields) {
  EXPECT_EQ(error(field("key", std::string(kMaxFormBytes + 1, 'x')) + file("x")),
            Errc::malformed_form);
  std::string halves;
  for (int i = 0; i < 3; ++i) halves += field("key", std::string(kMaxFormBytes / 2, 'x'));
  EXPECT_EQ(error(halves + file("x")), Errc::malformed_form);
  std::string many;
  for (std::size_t i = 0; i <= kMaxFormFields; ++i) many += field("key", "v");
  EXPECT_EQ(error(many + file("x")), Errc::malformed_form);
}

TEST_F(FormBodies, HoldTheFileToItsLimits) {
  EXPECT_TRUE(read(file("12345"), 3, 5, 5));
  EXPECT_EQ(read(file("123456"), 3, 5, 5).error().code(), Errc::entity_too_large);
  EXPECT_EQ(read(file("1234"), 3, 5, 5).error().code(), Errc::entity_too_small);
}

TEST(FormBoundaries, StandInTheContentType) {
  EXPECT_EQ(form_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(form_boundary("Multipart/Form-Data; charset=x; Boundary=\"a b\""), "a b");
  for (std::string_view bad : {"", "multipart/form-data", "multipart/form-data; boundary=",
                               "text/plain; boundary=a", "multipart/form-data; boundary=\"\""}) {
    EXPECT_FALSE(form_boundary(bad)) << bad;
  }
  EXPECT_FALSE(form_boundary("multipart/form-data; boundary=" + std::string(71, 'x')));
}

}  // namespace
}  // namespace stratos::gateway::s3
