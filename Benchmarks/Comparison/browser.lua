-- The headers that Chromium sends for a script of another site.
local headers = {
    ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        .. "Chrome/156.0.0.0 Safari/537.36",
    ["Accept"] = "*/*",
    ["Accept-Language"] = "en-US,en;q=0.9,de;q=0.8",
    ["Accept-Encoding"] = "gzip, deflate, br, zstd",
    ["Referer"] = "https://shop.example.com/search?search=my%20cool%20search&page=2",
    ["Cookie"] = "id=9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c",
    ["Sec-Fetch-Dest"] = "script",
    ["Sec-Fetch-Mode"] = "no-cors",
    ["Sec-Fetch-Site"] = "cross-site",
    ["sec-ch-ua"] = '"Chromium";v="156", "Not.A/Brand";v="24"',
    ["sec-ch-ua-mobile"] = "?0",
    ["sec-ch-ua-platform"] = '"Linux"',
}
for name, value in pairs(headers) do wrk.headers[name] = value end
