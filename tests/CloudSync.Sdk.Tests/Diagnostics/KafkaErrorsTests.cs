using Confluent.Kafka;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class KafkaErrorsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<(ErrorCode Code, long Since, string Advice)> _said = [];
    private readonly KafkaErrors _errors;

    public KafkaErrorsTests() => _errors = new KafkaErrors(_time, (error, advice, since) => _said.Add((error.Code, since, advice)));

    [Fact]
    public void Each_kind_is_said_once_in_its_interval_with_the_number_of_those_in_between()
    {
        for (var i = 0; i < 100; i++)
            _errors.Report(new Error(ErrorCode.Local_Transport));
        _errors.Report(new Error(ErrorCode.Local_AllBrokersDown));
        _time.Advance(KafkaErrors.Interval - TimeSpan.FromMilliseconds(1));
        _errors.Report(new Error(ErrorCode.Local_Transport));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        _errors.Report(new Error(ErrorCode.Local_Transport));
        _errors.Report(new Error(ErrorCode.Local_Transport));

        Assert.Equal(
            [(ErrorCode.Local_Transport, 0), (ErrorCode.Local_AllBrokersDown, 0), (ErrorCode.Local_Transport, 100)], _said.Select(s => (s.Code, s.Since)));
    }

    [Theory]
    [InlineData(ErrorCode.Local_Authentication, true, "Kafka:sasl.password")]
    [InlineData(ErrorCode.UnsupportedSaslMechanism, true, "Kafka:sasl.mechanism")]
    [InlineData(ErrorCode.Local_Ssl, true, "Kafka:ssl.ca.location")]
    [InlineData(ErrorCode.TopicAuthorizationFailed, true, "lacks a right")]
    [InlineData(ErrorCode.GroupAuthorizationFailed, true, "lacks a right")]
    [InlineData(ErrorCode.UnknownTopicOrPart, true, "Create the topic")]
    [InlineData(ErrorCode.Local_AllBrokersDown, false, "BootstrapServers")]
    [InlineData(ErrorCode.Local_Resolve, false, "BootstrapServers")]
    public void What_is_wrong_with_the_connection_is_kept_and_said_with_the_setting_to_look_at(ErrorCode code, bool needsAttention, string setting)
    {
        _errors.Report(new Error(code, "What the client says."));

        Assert.Contains(setting, _said.Single().Advice, StringComparison.Ordinal);
        var trouble = _errors.Trouble!;
        Assert.Equal((needsAttention, _time.GetUtcNow()), (trouble.NeedsAttention, trouble.Since));
        Assert.StartsWith($"What the client says ({code}). ", trouble.Reason, StringComparison.Ordinal);
        Assert.Contains(setting, trouble.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_certificate_that_a_broker_refuses_after_the_handshake_is_no_outage()
    {
        _errors.Report(new Error(ErrorCode.Local_Transport, "Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate: SSL alert number 42"));

        Assert.True(_errors.Trouble!.NeedsAttention);
        Assert.Contains("Kafka:ssl.certificate.location", _errors.Trouble.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_that_says_nothing_about_the_connection_is_no_trouble()
    {
        _errors.Report(new Error(ErrorCode.Local_MaxPollExceeded));

        Assert.Null(_errors.Trouble);
        Assert.Equal("It goes on.", _said.Single().Advice);
    }

    [Fact]
    public void A_refusal_goes_before_the_outage_that_the_client_makes_of_it_and_dates_from_its_first_report()
    {
        var began = _time.GetUtcNow();
        _errors.Report(new Error(ErrorCode.Local_Authentication));
        _time.Advance(TimeSpan.FromSeconds(10));
        _errors.Report(new Error(ErrorCode.Local_AllBrokersDown));
        _errors.Report(new Error(ErrorCode.Local_Authentication));

        Assert.Equal((true, began), (_errors.Trouble!.NeedsAttention, _errors.Trouble.Since));
    }

    [Fact]
    public void A_refusal_that_is_not_heard_of_again_is_over_and_an_outage_lasts_until_Kafka_answers()
    {
        _errors.Report(new Error(ErrorCode.Local_AllBrokersDown));
        _errors.Report(new Error(ErrorCode.Local_Ssl));
        _time.Advance(KafkaErrors.RefusalLasts - TimeSpan.FromSeconds(1));
        Assert.True(_errors.Trouble!.NeedsAttention);

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(_errors.Trouble!.NeedsAttention);

        _time.Advance(TimeSpan.FromDays(1));
        Assert.NotNull(_errors.Trouble);

        _errors.Answered();
        Assert.Null(_errors.Trouble);
    }

    [Fact]
    public void A_refusal_that_comes_back_after_it_was_over_begins_anew()
    {
        _errors.Report(new Error(ErrorCode.Local_Ssl));
        _time.Advance(TimeSpan.FromHours(1));
        _errors.Report(new Error(ErrorCode.Local_Ssl));

        Assert.Equal(_time.GetUtcNow(), _errors.Trouble!.Since);
    }

    [Fact]
    public void What_is_noted_is_kept_and_not_said()
    {
        _errors.Note(new Error(ErrorCode.GroupAuthorizationFailed));

        Assert.NotNull(_errors.Trouble);
        Assert.Empty(_said);
    }
}
