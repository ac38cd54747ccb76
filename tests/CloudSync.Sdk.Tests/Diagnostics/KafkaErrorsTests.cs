using Confluent.Kafka;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class KafkaErrorsTests
{
    [Fact]
    public void Each_kind_is_said_once_in_its_interval_with_the_number_of_those_in_between()
    {
        var time = new FakeTimeProvider();
        var said = new List<(ErrorCode, long)>();
        var errors = new KafkaErrors(time, (error, since) => said.Add((error.Code, since)));

        for (var i = 0; i < 100; i++)
            errors.Report(new Error(ErrorCode.Local_Transport));
        errors.Report(new Error(ErrorCode.Local_AllBrokersDown));
        time.Advance(KafkaErrors.Interval - TimeSpan.FromMilliseconds(1));
        errors.Report(new Error(ErrorCode.Local_Transport));
        time.Advance(TimeSpan.FromMilliseconds(1));
        errors.Report(new Error(ErrorCode.Local_Transport));
        errors.Report(new Error(ErrorCode.Local_Transport));

        Assert.Equal([(ErrorCode.Local_Transport, 0), (ErrorCode.Local_AllBrokersDown, 0), (ErrorCode.Local_Transport, 100)], said);
    }
}
