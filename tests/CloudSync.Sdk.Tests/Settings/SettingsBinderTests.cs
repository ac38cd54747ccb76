using CloudSync.Sdk.Settings;
using FsCheck;
using FsCheck.Xunit;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace CloudSync.Sdk.Tests.Settings;

public class SettingsBinderTests
{
    [Fact]
    public void Every_kind_of_value_is_read_whatever_the_case_of_its_name()
    {
        var options = new AllKinds();

        var problems = SettingsBinder.Bind(
            Section(
                ("TEXT", "hello"), ("flag", "True"), ("Whole", "-7"), ("Long", "5000000000"), ("Fraction", "1.5e3"), ("Time", "1.02:03:04"),
                ("Kind", "sinGLE"), ("Address", "https://example.com/a?b"), ("Group:Inner", "250ms"), ("MaybeWhole", "3"),
                ("Names:security.protocol", "SASL_SSL"), ("Names:sasl:username", "me")),
            options);

        Assert.Empty(problems);
        Assert.Equal("hello", options.Text);
        Assert.True(options.Flag);
        Assert.Equal(-7, options.Whole);
        Assert.Equal(5_000_000_000, options.Long);
        Assert.Equal(1500, options.Fraction);
        Assert.Equal(new TimeSpan(1, 2, 3, 4), options.Time);
        Assert.Equal(UriKindLike.Single, options.Kind);
        Assert.Equal(new Uri("https://example.com/a?b"), options.Address);
        Assert.Equal(TimeSpan.FromMilliseconds(250), options.Group.Inner);
        Assert.Equal(3, options.MaybeWhole);
        Assert.Equal(
            new Dictionary<string, string> { ["security.protocol"] = "SASL_SSL", ["sasl.username"] = "me" },
            options.Names.ToDictionary());
    }

    [Fact]
    public void All_problems_are_told_and_what_can_be_read_is_read()
    {
        var options = new AllKinds();

        var problems = SettingsBinder.Bind(
            Section(
                ("Text:Deeper", "x"), ("Flag", "yes"), ("Whole", "1.5"), ("Long", "1,000"), ("Fraction", "half"), ("Time", "5"), ("Kind", "2"),
                ("Address", "not a uri"), ("Group", "5"), ("Names", "one"), ("Calback", "x"), ("Callback", "x"), ("MaybeWhole", "7")),
            options);

        Assert.Equal(
            [
                "Address is 'not a uri'; it must be an absolute URI such as https://api.example.com/messages.",
                "Calback is not a setting; did you mean Callback?",
                "Callback can't be set by configuration; set it in code, and leave it out here.",
                "Flag is 'yes'; it must be true or false.",
                "Fraction is 'half'; it must be a number from 0 to 1.",
                "Group is '5'; it must be a group with settings of its own.",
                "Kind is '2'; it must be one of Single, Many.",
                "Long is '1,000'; it must be a whole number.",
                "Names is one value; it must be a group of names, each with a value.",
                "Text is a group of settings; it must be a text.",
                "Time is '5'; it must be a time from 00:00:00 to 1.00:00:00, written like 00:00:30 or 30s (ms, s, m, h, d).",
                "Whole is '1.5'; it must be a whole number from 1 to 10,000,000.",
            ],
            problems.Select(p => $"{p.Path} {p.Text}").Order(StringComparer.Ordinal));
        Assert.Equal(7, options.MaybeWhole);
        Assert.Equal(new AllKinds().Whole, options.Whole);
    }

    [Theory]
    [InlineData("MaxConcurency", "MaxConcurrency")]
    [InlineData("max-concurrency", "MaxConcurrency")]
    [InlineData("Topics", "Topic")]
    [InlineData("Retires", "Retry")]
    [InlineData("MaxRetryAttempts", "Retry:MaxRetryAttempts")]
    [InlineData("failurestoopen", "Breaker:FailuresToOpen")]
    public void A_name_that_is_no_setting_suggests_the_nearest(string written, string meant)
    {
        var problem = Assert.Single(SettingsBinder.Bind(Section((written, "1")), new CloudSyncConsumerOptions()));

        Assert.Equal(new SettingProblem(written, $"is not a setting; did you mean {meant}?"), problem);
    }

    [Fact]
    public void A_name_that_is_near_to_nothing_suggests_nothing()
    {
        var problem = Assert.Single(SettingsBinder.Bind(Section(("Zzz", "1")), new CloudSyncConsumerOptions()));

        Assert.Equal(new SettingProblem("Zzz", "is not a setting; remove it."), problem);
    }

    [Fact]
    public void An_empty_value_is_not_given_unless_the_setting_is_a_text()
    {
        var options = new AllKinds { Text = "before", Whole = 5 };

        Assert.Empty(SettingsBinder.Bind(Section(("Text", ""), ("Whole", ""), ("Time", " "), ("Address", ""), ("Group", ""), ("Names", "")), options));

        Assert.Equal("", options.Text);
        Assert.Equal(5, options.Whole);
    }

    [Fact]
    public void A_null_is_told_of_and_the_default_stays()
    {
        var options = new AllKinds { Text = "before" };

        var problems = SettingsBinder.Bind(Section(("Text", null), ("Whole", null), ("Names:a", null), ("Group", null)), options);

        Assert.Equal(["Names:a", "Text", "Whole"], problems.Select(p => p.Path).Order(StringComparer.Ordinal));
        Assert.All(problems, p => Assert.StartsWith("is null", p.Text, StringComparison.Ordinal));
        Assert.Equal("before", options.Text);
    }

    [Theory]
    [InlineData("ApiKey", "s3cret-value")]
    [InlineData("Password", "s3cret-value")]
    [InlineData("AccessToken", "s3cret-value")]
    [InlineData("ClientSecret", "s3cret-value")]
    [InlineData("Whole", "host:6379,password=s3cret-value")]
    [InlineData("Address", "//user:s3cret-value@host")]
    public void A_secret_is_never_shown(string name, string value)
    {
        var problem = Assert.Single(SettingsBinder.Bind(Section((name, value)), new AllKinds()));

        Assert.Equal(name, problem.Path);
        Assert.Contains("(hidden)", problem.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", problem.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_root_of_the_configuration_may_hold_other_settings()
    {
        var root = new ConfigurationBuilder().AddInMemoryCollection([new("PATH", "/bin"), new("Topic", "orders")]).Build();
        var options = new CloudSyncConsumerOptions();

        Assert.Empty(SettingsBinder.Bind(root, options));
        Assert.Equal("orders", options.Topic);
    }

    [Property(MaxTest = 1000)]
    public void Binding_never_throws_and_every_problem_names_a_key_that_was_given(KeyValuePair<NonNull<string>, string?>[] values, int seed)
    {
        // Keys that nobody has are not interesting for long: every other one is a real setting, in a case of its own.
        var real = SettingsBinder.Paths(typeof(AllKinds)).Concat(SettingsBinder.Paths(typeof(CloudSyncConsumerOptions))).ToList();
        var random = new Random(seed);
        var given = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in values)
            given["S:" + (random.Next(2) == 0 ? key.Get : real[random.Next(real.Count)].ToUpperInvariant())] = value;
        var section = new ConfigurationBuilder().AddInMemoryCollection(given).Build().GetSection("S");

        foreach (var problem in SettingsBinder.Bind(section, new AllKinds()).Concat(SettingsBinder.Bind(section, new CloudSyncConsumerOptions())))
        {
            Assert.Contains(given.Keys, key => key.StartsWith($"S:{problem.Path}", StringComparison.OrdinalIgnoreCase));
            Assert.EndsWith(problem.Text.Contains("did you mean", StringComparison.Ordinal) ? "?" : ".", problem.Text, StringComparison.Ordinal);
        }
    }

    internal static IConfigurationSection Section(params (string Key, string? Value)[] values) =>
        new ConfigurationBuilder()
            .AddInMemoryCollection(values.Select(v => new KeyValuePair<string, string?>("S:" + v.Key, v.Value)))
            .Build()
            .GetSection("S");

    internal sealed class AllKinds
    {
        public string Text { get; set; } = "";

        public bool Flag { get; set; }

        [SettingRange(1, 10_000_000)]
        public int Whole { get; set; } = 1;

        public long Long { get; set; }

        [SettingRange(0.0, 1.0)]
        public double Fraction { get; set; }

        [SettingRange("00:00:00", "1.00:00:00")]
        public TimeSpan Time { get; set; }

        public UriKindLike Kind { get; set; }

        public Uri? Address { get; set; }

        public int? MaybeWhole { get; set; }

        public int ApiKey { get; set; }

        public int Password { get; set; }

        public int AccessToken { get; set; }

        public int ClientSecret { get; set; }

        public Action? Callback { get; set; }

        [SettingGroup(typeof(InnerGroup))]
        public InnerGroup Group { get; set; } = new();

        public IDictionary<string, string> Names { get; } = new Dictionary<string, string>();
    }

    internal sealed class InnerGroup
    {
        public TimeSpan Inner { get; set; }
    }

    internal enum UriKindLike
    {
        Single,
        Many,
    }
}
