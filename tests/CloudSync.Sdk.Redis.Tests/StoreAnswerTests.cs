using System.Text;
using StackExchange.Redis;
using Xunit;

namespace CloudSync.Sdk.Redis.Tests;

/// <summary>A proxy that changes answers, or a defect of ours: whatever comes that no script of ours says is a failure of the store, and nobody takes it for a claim.</summary>
public sealed class StoreAnswerTests
{
    private const string Number = "1800000000000000";

    [Theory]
    [InlineData("", "too short")]
    [InlineData("18", "too short")]
    [InlineData(Number + "a", "too short")]
    [InlineData("18000000000000x0", "no number")]
    [InlineData(Number + "ax", "a letter that means nothing")]
    [InlineData(Number + "ah", "one time for each id that is held")]
    [InlineData(Number + "ah0000000000", "one time for each id that is held")]
    [InlineData(Number + "aa0000000001000", "one time for each id that is held")]
    [InlineData(Number + "ah00000000o1000", "no number")]
    public void A_claim_that_is_answered_with_rubbish_has_failed(string answer, string reason)
    {
        var error = Assert.Throws<RedisStoreException>(() => ClaimAnswer.Read(Encoding.ASCII.GetBytes(answer), [0, 1], new ClaimResult[2]));

        Assert.StartsWith("Redis did not claim ids: its answer ", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Number, "aa")]
    [InlineData(Number + "at", "at")]
    [InlineData(Number + "ch0000000001000", "ch")]
    public void What_our_script_answers_is_read(string answer, string letters)
    {
        var results = new ClaimResult[2];

        ClaimAnswer.Read(Encoding.ASCII.GetBytes(answer), [0, 1], results);

        Assert.Equal(letters, StoreUnderTest.Letters(results));
    }

    [Theory]
    [InlineData("", "11")]
    [InlineData("10", "10")]
    [InlineData("1", null)]
    [InlineData("101", null)]
    [InlineData("1x", null)]
    public void A_completion_has_a_letter_for_each_id_or_none(string answer, string? bits)
    {
        var results = new bool[2];
        var read = Record.Exception(() => StoreAnswer.ReadBits(Encoding.ASCII.GetBytes(answer), "complete", [0, 1], results));

        if (bits is null)
            Assert.StartsWith("Redis did not complete ids", Assert.IsType<RedisStoreException>(read).Message, StringComparison.Ordinal);
        else
            Assert.Equal(bits, string.Concat(results.Select(result => result ? '1' : '0')));
    }

    [Fact]
    public void An_answer_that_is_no_text_is_a_failure()
    {
        Assert.Equal("yes", Encoding.ASCII.GetString(StoreAnswer.Text(RedisResult.Create((RedisValue)"yes"), "claim")));
        Assert.Throws<RedisStoreException>(() => StoreAnswer.Text(RedisResult.Create(RedisValue.Null), "claim"));
        Assert.Throws<RedisStoreException>(() => StoreAnswer.Text(RedisResult.Create([RedisResult.Create((RedisValue)"yes")]), "claim"));
        Assert.Throws<RedisStoreException>(() => StoreAnswer.Text(RedisResult.Create((RedisValue)1), "claim"));
    }
}
