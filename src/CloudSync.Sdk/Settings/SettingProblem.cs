namespace CloudSync.Sdk.Settings;

/// <summary>One thing that is wrong with the settings.</summary>
/// <param name="Path">The setting, from the options class downwards, parts separated by colons: <c>Retry:MaxDelay</c>.</param>
/// <param name="Text">What is wrong and what would do; a sentence that goes on from the path: <c>is 0; it must be from 1 to 10.</c></param>
internal readonly record struct SettingProblem(string Path, string Text);
