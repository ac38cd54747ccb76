using Confluent.Kafka;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class DeadLetterFilterTests
{
    private static readonly DateTimeOffset Failed = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    private static readonly DeadLetterRecord Letter = DeadLetterRecord.Read(RedrivenRecordTests.Result(
        new Headers
        {
            { CloudEvents.Id, "order-1"u8.ToArray() },
            { DeadLetterHeaders.ConsumerGroup, "aws-sync-group"u8.ToArray() },
            { DeadLetterHeaders.Consumer, "aws"u8.ToArray() },
            { DeadLetterHeaders.ErrorType, "ValidationError"u8.ToArray() },
            { DeadLetterHeaders.LastFailure, "2026-11-23T10:00:00.000Z"u8.ToArray() },
        },
        "customer-ü"u8.ToArray()));

    private static readonly DeadLetterRecord Bare = DeadLetterRecord.Read(RedrivenRecordTests.Result([]));

    public static TheoryData<DeadLetterFilter, bool> Filters => new()
    {
        { new DeadLetterFilter(), true },
        { new DeadLetterFilter { Group = "aws-sync-group", Consumer = "aws", Key = "customer-ü", Id = "order-1" }, true },
        { new DeadLetterFilter { Group = "azure-sync-group" }, false },
        { new DeadLetterFilter { Group = "AWS-sync-group" }, false },
        { new DeadLetterFilter { Consumer = "azure" }, false },
        { new DeadLetterFilter { Key = "customer-u" }, false },
        { new DeadLetterFilter { Key = "" }, false },
        { new DeadLetterFilter { Id = "order-10" }, false },
        { new DeadLetterFilter { ErrorTypes = [ErrorType.Timeout, ErrorType.ValidationError] }, true },
        { new DeadLetterFilter { ErrorTypes = [ErrorType.Timeout] }, false },
        { new DeadLetterFilter { FailedFrom = Failed }, true },
        { new DeadLetterFilter { FailedFrom = Failed.AddMilliseconds(1) }, false },
        { new DeadLetterFilter { FailedUntil = Failed }, false },
        { new DeadLetterFilter { FailedUntil = Failed.AddMilliseconds(1) }, true },
        { new DeadLetterFilter { Positions = new HashSet<DeadLetterPosition> { new(1, 17) } }, true },
        { new DeadLetterFilter { Positions = new HashSet<DeadLetterPosition> { new(17, 1) } }, false },
        { new DeadLetterFilter { Except = new HashSet<DeadLetterPosition> { new(1, 17) } }, false },
        { new DeadLetterFilter { Group = "aws-sync-group", Id = "order-2" }, false },
    };

    [Theory]
    [MemberData(nameof(Filters), DisableDiscoveryEnumeration = true)]
    public void A_letter_is_meant_when_it_meets_everything_that_is_given(DeadLetterFilter filter, bool matches) => Assert.Equal(matches, filter.Matches(Letter));

    [Fact]
    public void What_a_letter_does_not_say_meets_no_condition()
    {
        Assert.True(new DeadLetterFilter().Matches(Bare));
        Assert.False(new DeadLetterFilter { Group = "" }.Matches(Bare));
        Assert.False(new DeadLetterFilter { FailedFrom = DateTimeOffset.MinValue }.Matches(Bare));
        Assert.False(new DeadLetterFilter { FailedUntil = DateTimeOffset.MaxValue }.Matches(Bare));
        Assert.False(new DeadLetterFilter { ErrorTypes = [ErrorType.Transient] }.Matches(Bare));
        Assert.False(new DeadLetterFilter { Key = "" }.Matches(Bare));
    }

    [Theory]
    [InlineData("0:0", 0, 0L)]
    [InlineData("3:1042", 3, 1042L)]
    public void A_position_is_read_and_written(string text, int partition, long offset)
    {
        Assert.True(DeadLetterPosition.TryParse(text, out var position));
        Assert.Equal(new DeadLetterPosition(partition, offset), position);
        Assert.Equal(text, position.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("3")]
    [InlineData("3:")]
    [InlineData(":3")]
    [InlineData("-1:3")]
    [InlineData("1:2:3")]
    [InlineData("3: 4")]
    public void What_is_no_position_is_refused(string? text) => Assert.False(DeadLetterPosition.TryParse(text, out _));
}
