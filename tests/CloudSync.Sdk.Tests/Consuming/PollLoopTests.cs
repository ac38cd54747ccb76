using Confluent.Kafka;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class PollLoopTests
{
    [Theory]
    [InlineData(ErrorCode.Local_MaxPollExceeded, false, false)]
    [InlineData(ErrorCode.UnknownTopicOrPart, false, false)]
    [InlineData(ErrorCode.TopicAuthorizationFailed, false, false)]
    [InlineData(ErrorCode.GroupAuthorizationFailed, false, true)]
    [InlineData(ErrorCode.Local_KeyDeserialization, false, true)]
    [InlineData(ErrorCode.Local_ValueDeserialization, false, true)]
    [InlineData(ErrorCode.Local_Fatal, true, true)]
    public void A_client_that_would_stand_still_or_pass_over_a_record_is_built_anew(ErrorCode code, bool isFatal, bool isBuiltAnew) =>
        Assert.Equal(isBuiltAnew, PollLoop.NeedsNewClient(new Error(code, "reason", isFatal)));
}
