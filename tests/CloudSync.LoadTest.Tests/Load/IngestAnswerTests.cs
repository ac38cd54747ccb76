using System.Text;
using CloudSync.LoadTest.Load;
using Xunit;

namespace CloudSync.LoadTest.Tests.Load;

public sealed class IngestAnswerTests
{
    [Fact]
    public void A_single_answer_has_one_result() =>
        Assert.Equal([new IngestResult(202, 3, 4_711)], Read("""{"status":202,"id":"a","topic":"t","partition":3,"offset":4711}""", isBatch: false));

    [Fact]
    public void A_batch_has_a_result_for_each_message() =>
        Assert.Equal(
            [new IngestResult(202, 0, 1), new IngestResult(503, -1, -1), new IngestResult(400, -1, -1, IsRest: true)],
            Read("""
                {"accepted":1,"failed":2,"results":[{"status":202,"id":"a","topic":"t","partition":0,"offset":1},{"status":503,"id":"b","detail":"later"},
                {"status":400,"errors":[{"field":"data","problem":"status","limit":202}],"rest":true}]}
                """, isBatch: true));

    [Theory]
    [InlineData("""{"status":202,"id":"a"}""")]
    [InlineData("""{"status":202,"partition":3}""")]
    public void What_does_not_say_where_the_message_stands_is_no_acceptance(string body) => Assert.NotEqual(202, Read(body, isBatch: false).Single().Status);

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("""{"status":"202"}""")]
    [InlineData("""{"status":202,"partition":1,"offset":1""")]
    public void Rubbish_has_no_result(string body) => Assert.Empty(Read(body, isBatch: false));

    [Fact]
    public void Of_an_answer_that_ends_early_counts_what_was_read() =>
        Assert.Single(Read("""{"results":[{"status":202,"partition":0,"offset":1},{"status":202,"part""", isBatch: true));

    [Fact]
    public void A_batch_of_which_nothing_was_taken_has_a_result_for_each_message_and_its_errors_are_none() =>
        Assert.Equal(
            [new IngestResult(400, -1, -1), new IngestResult(503, -1, -1)],
            Read("""{"status":503,"detail":"Kafka has taken none of the messages.","errors":[{"field":"[0].data","detail":"is missing"}],"results":[{"status":400},{"status":503,"id":"b"}]}""", isBatch: true));

    [Theory]
    [InlineData("""{"status":503,"detail":"Kafka has taken none of the messages.","results":[{"status":503}]}""", true)]
    [InlineData("""{"status":503,"detail":"Kafka has not taken the message. Post it again with the same id and key: a duplicate is recognised.","id":"a"}""", true)]
    [InlineData("""{"status":503,"detail":"Kafka has not made room for the message in time. It may still take it","id":"a"}""", true)]
    [InlineData("""{"status":503,"detail":"As many requests are under way as may be. Nothing has been accepted."}""", false)]
    [InlineData("""{"status":503,"detail":"Tokens can't be checked at the moment. Nothing has been accepted."}""", false)]
    [InlineData("<html>Service Unavailable</html>", false)]
    [InlineData("", false)]
    [InlineData("[]", false)]
    public void Only_some_503_are_Kafkas(string problem, bool isKafkas) => Assert.Equal(isKafkas, IngestAnswer.IsOfKafka(Encoding.UTF8.GetBytes(problem)));

    private static List<IngestResult> Read(string body, bool isBatch) => IngestAnswer.Read(Encoding.UTF8.GetBytes(body), isBatch);
}
