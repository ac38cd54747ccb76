using Confluent.Kafka;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class LetterFormTests
{
    [Theory]
    [InlineData(ErrorCode.MsgSizeTooLarge, 0, false, 1, false)]
    [InlineData(ErrorCode.MsgSizeTooLarge, 1, false, 2, false)]
    [InlineData(ErrorCode.MsgSizeTooLarge, 1, true, 2, true)]
    [InlineData(ErrorCode.RecordListTooLarge, 0, false, 1, false)]
    [InlineData(ErrorCode.RecordListTooLarge, 1, false, 2, false)]
    [InlineData(ErrorCode.InvalidTimestamp, 0, false, 0, true)]
    [InlineData(ErrorCode.InvalidTimestamp, 2, false, 2, true)]
    public void Each_refusal_gives_up_what_it_is_about_and_nothing_else(ErrorCode refusal, int details, bool isStampedAnew, int nextDetails, bool nextIsStampedAnew) =>
        Assert.Equal(
            new LetterForm((LetterDetails)nextDetails, nextIsStampedAnew), new LetterForm((LetterDetails)details, isStampedAnew).After(refusal));

    [Theory]
    [InlineData(ErrorCode.MsgSizeTooLarge, 2, false)]
    [InlineData(ErrorCode.RecordListTooLarge, 2, true)]
    [InlineData(ErrorCode.InvalidTimestamp, 0, true)]
    [InlineData(ErrorCode.TopicAuthorizationFailed, 0, false)]
    [InlineData(ErrorCode.UnknownTopicOrPart, 0, false)]
    [InlineData(ErrorCode.Local_MsgTimedOut, 0, false)]
    [InlineData(ErrorCode.NotEnoughReplicas, 1, false)]
    public void What_is_not_about_something_of_ours_is_left_to_the_backoff(ErrorCode refusal, int details, bool isStampedAnew) =>
        Assert.Null(new LetterForm((LetterDetails)details, isStampedAnew).After(refusal));

    [Property]
    public void Whatever_the_brokers_say_a_letter_is_written_four_times_at_most(int[] answers)
    {
        var form = default(LetterForm);
        var refusals = 0;
        foreach (var answer in answers)
        {
            ErrorCode[] codes = [ErrorCode.MsgSizeTooLarge, ErrorCode.RecordListTooLarge, ErrorCode.InvalidTimestamp, ErrorCode.NetworkException];
            if (form.After(codes[(answer & int.MaxValue) % codes.Length]) is not { } next)
                continue;

            Assert.True(next.Details >= form.Details && (next.IsStampedAnew || !form.IsStampedAnew) && next != form);
            form = next;
            refusals++;
        }

        Assert.InRange(refusals, 0, 3);
    }
}
